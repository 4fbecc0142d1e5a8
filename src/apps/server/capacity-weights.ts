/**
 * Sets weights by capacity in pools that ask for it (`weights: capacity`), once a minute at most, through the data plane as an
 * operator's change goes. What an operator sets is the weight that is multiplied.
 *
 * @module
 */
import type { Log } from '../../adapters/node/json-log.ts'
import { factorsByCapacity } from '../../forecast/capacity-weights.ts'
import type { DataPlane } from '../../ports/data-plane.ts'
import type { Config } from './config/schema.ts'
import type { LoadForecast } from './load-forecast.ts'

export interface CapacityWeightsOptions {
  readonly plane: Pick<DataPlane, 'upstreams' | 'changeServer'>
  readonly limits: LoadForecast['limits']
  /** Those of now. */
  pools(): readonly Pick<Config['pools'][number], 'name' | 'weights'>[]
  readonly log: Log
  /** Calls `look` each {@link EVERY_MS}; a timer without it. Returns the way to stop. */
  readonly every?: (look: () => void) => () => void
}

/** A step of the forecast: there is nothing new before. */
const EVERY_MS = 60_000

/** Returns the way to stop: weights stay as they are. */
export function weighByCapacity(options: CapacityWeightsOptions): () => void {
  const { plane, pools, every = regularly } = options
  return every(() => {
    const upstreams = plane.upstreams()
    for (const { name, weights } of pools()) {
      const servers = upstreams.filter(({ pool }) => pool === name)
      if (weights === 'capacity') weigh(name, servers, options)
      else for (const server of servers) if (server.capacity !== undefined) release(server)
    }
  })

  function release({ pool, id }: { readonly pool: string; readonly id: string }): void {
    plane.changeServer(pool, id, { capacity: { factor: 1, reason: 'as configured' } })
  }
}

function weigh(
  pool: string,
  servers: ReturnType<DataPlane['upstreams']>,
  { plane, limits, log }: CapacityWeightsOptions,
): void {
  const known = limits(pool)
  const weighed = servers.map(({ id, weight, capacity }) => ({
    ...{ id, weight, factor: capacity?.factor ?? 1 },
    limit: known.get(id) ?? { load: 0, known: false },
  }))
  const factors = factorsByCapacity(weighed)
  for (const [i, { id, factor: before, limit }] of weighed.entries()) {
    const factor = factors[i] ?? 1
    if (factor === before) continue
    const reason = limit.known
      ? `carries ${Number(limit.load.toPrecision(3))} requests/s, ${factor.toFixed(2)} times the mean of its pool per weight`
      : 'what it carries is not known any more'
    plane.changeServer(pool, id, { capacity: { factor, reason } })
    log.info({ pool, server: id, factor, reason }, 'Weight by capacity')
  }
}

function regularly(look: () => void): () => void {
  const timer = setInterval(look, EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
