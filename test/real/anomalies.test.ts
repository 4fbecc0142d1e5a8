/**
 * What a live Limen says of a server that begins to answer slowly: found in the series that it counts, said, and the server is
 * checked at once, long before its turn; it stays in service, for the check is good. Steps are of a second here.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { SeriesFinding } from '../../src/flows/watch-series.ts'
import { until } from './fleet-under-test.ts'
import { type LimenProcess, startLimen } from './limen-process.ts'

const QUICK = join(import.meta.dirname, 'quick-limen.ts')
/** A detector begins after 100 values. */
const LEARNED_STEPS = 150
const ASKED_EVERY_MS = 50
const SLOW_MS = 400

interface Anomalies {
  readonly series: readonly { readonly series: string; readonly value: number | null }[]
  readonly findings: readonly SeriesFinding[]
}

let checks = 0
let isSlow = false
const origin = createServer(async (request, response) => {
  if (request.url === '/healthz') checks++
  else if (isSlow) await delay(SLOW_MS)
  response.end('hello')
})
let limen: LimenProcess
let isAsking = true
let asking: Promise<void> = Promise.resolve()
before(async () => {
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const { port } = origin.address() as AddressInfo
  const health = '{ path: /healthz, intervalMs: 3600000, anomalies: probe }'
  limen = await startLimen(
    [process.execPath, QUICK],
    `listeners: [{ name: web, address: 'SITE' }]
pools: [{ name: site, servers: [{ id: a, address: '127.0.0.1:${port}' }], health: ${health} }]
routes: [{ pool: site }]
workers: 1
admin: { address: 'ADMIN', openToLoopback: viewer }
metrics: { address: 'METRICS' }
`,
  )
  asking = (async () => {
    while (isAsking) {
      await (await fetch(limen.siteUrl)).text()
      await delay(ASKED_EVERY_MS)
    }
  })()
})
after(async () => {
  isAsking = false
  await asking
  await limen?.clean()
  origin.closeAllConnections()
  origin.close()
})

const read = async <T>(path: string): Promise<T> =>
  (await (await fetch(`${limen.adminUrl}${path}`)).json()) as T
const anomalies = (): Promise<Anomalies> => read('v1/anomalies')
const ofLatency = ({ findings }: Anomalies) =>
  findings.filter(({ series }) => series === 'server/site/a/latency')

it('a server that begins to answer slowly is found and checked at once, and stays', async (t) => {
  await until('its series', 20_000, async () => (await anomalies()).series.length === 3)
  await delay(LEARNED_STEPS * 1000)
  const checksBefore = checks
  const foundBefore = ofLatency(await anomalies()).length
  isSlow = true
  const since = Date.now()
  await until('a finding', 30_000, async () => {
    await delay(500)
    return ofLatency(await anomalies()).length > foundBefore
  })
  t.diagnostic(`found after ${Date.now() - since} ms`)
  const [finding] = ofLatency(await anomalies())
  assert.ok((finding?.value ?? 0) > SLOW_MS / 10, `latency ${finding?.value}`)
  await until('a check', 5_000, async () => checks > checksBefore)
  assert.ok(checks - checksBefore <= 2, 'one for a finding')
  assert.match(limen.printed(), /server\/site\/a\/latency.*does what it never did/)
  const [server] = await read<readonly { readonly state: string }[]>('v1/upstreams')
  assert.equal(server?.state, 'up')
  const file = readFileSync(join(limen.folder, 'limen.yaml'), 'utf8')
  const address = /metrics: \{ address: '([^']+)'/.exec(file)?.[1]
  const metrics = await (await fetch(`http://${address}/metrics`)).text()
  assert.match(metrics, /limen_series_anomaly\{series="server\/site\/a\/latency"\} 1\n/)
})
