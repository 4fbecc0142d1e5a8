/**
 * What must hold between the keys of `pools[].scaling` and the rest of a configuration.
 *
 * @module
 */
import type { Blame, Complaint, ConfigPath } from './complaint.ts'
import { addressOf, type Config } from './schema.ts'

const PORT_MAX = 65_535

export function checkScaling(config: Config, blame: Blame): readonly Complaint[] {
  const taken = portsOf(config)
  return config.pools.flatMap(({ servers, scaling }, i) => {
    if (scaling === undefined) return []
    const found: Complaint[] = []
    const say = (key: string, text: string, ...below: ConfigPath): void => {
      found.push(blame(['pools', i, 'scaling', key, ...below], text))
    }
    const { min, max, by, processes } = scaling
    if (min > max) say('min', 'must not exceed max')
    if (max < servers.length) say('max', `is below the ${servers.length} servers of the list`)
    if (by === 'forecast' && !config.forecast.enabled) say('by', 'forecast needs forecast.enabled')
    if (processes === undefined) return found
    const { portFrom } = processes
    const last = portFrom + max - 1
    if (last > PORT_MAX) say('processes', `has no ${max} ports left`, 'portFrom')
    const clash = taken.find(({ port }) => port >= portFrom && port <= last)
    if (clash !== undefined) {
      say(
        'processes',
        `port ${clash.port} of ${portFrom} to ${last} is taken by ${clash.by}`,
        'portFrom',
      )
    }
    for (let port = portFrom; port <= last && port <= PORT_MAX; port++) {
      taken.push({ port, by: `pools[${i}].scaling.processes` })
    }
    const ids = servers.filter(
      ({ id }) => id.startsWith(PROCESS_ID) && Number(id.slice(1)) >= portFrom,
    )
    if (ids.some(({ id }) => Number(id.slice(1)) <= last)) {
      say('processes', `a server of the list is called as one of its processes`, 'portFrom')
    }
    return found
  })
}

/** What the admin API calls a process that listens on this port. */
export const processId = (port: number): string => `${PROCESS_ID}${port}`
const PROCESS_ID = 'p'

function portsOf(config: Config): { readonly port: number; readonly by: string }[] {
  const { listeners, admin, metrics, pools } = config
  return [
    ...listeners.map(({ address }, i) => [address, `listeners[${i}]`] as const),
    [admin.address, 'admin'] as const,
    [metrics.address, 'metrics'] as const,
    ...pools.flatMap(({ servers }, p) =>
      servers
        .filter(({ address }) => addressOf(address).host === '127.0.0.1')
        .map(({ address }, s) => [address, `pools[${p}].servers[${s}]`] as const),
    ),
  ].map(([address, by]) => ({ port: addressOf(address).port, by }))
}
