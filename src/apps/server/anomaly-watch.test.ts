import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeDataPlane } from '../../../test/fake-data-plane.ts'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { memoryForecastStore } from '../../adapters/memory/forecast-store.ts'
import { openLog } from '../../adapters/node/json-log.ts'
import { logHistogram } from '../../math/log-histogram.ts'
import type { UpstreamView } from '../../ports/data-plane.ts'
import type { ForecastStore } from '../../ports/forecast-store.ts'
import { watchAnomalies } from './anomaly-watch.ts'

const START_MS = 1_790_000_040_000
const SERVERS = ['probed', 'observed'].map((pool) => ({ pool, id: 'a', failures: 0 }))

const SERVER: Omit<UpstreamView, 'pool' | 'id' | 'failures' | 'requests' | 'latencyMs'> = {
  ...{ address: '127.0.0.1:9101', state: 'up', weight: 1, inFlight: 0, connections: 0 },
  ...{ check: '', latencyCounts: logHistogram() },
}

const random = seededRandom(5)
const usual = (): number => 10 + 3 * random.fraction()

/** Two pools of which one asks for checks, minutes that pass when told to. */
async function running(store: ForecastStore | undefined = undefined, startMs = START_MS) {
  let now = startMs
  let requests = 0
  let latencyMs = 10
  let look = (): void => {}
  let isServing = true
  const logs: string[] = []
  const checked: string[] = []
  const plane = fakeDataPlane()
  const watch = await watchAnomalies({
    store,
    plane: {
      workers: () =>
        plane.workers().map((one) => ({ ...one, state: isServing ? 'serving' : 'dead' })),
      upstreams: () => SERVERS.map((one) => ({ ...SERVER, ...one, requests, latencyMs })),
      traffic: () => ({
        ...plane.traffic(),
        listeners: { web: { hellos: requests, refused: 0 } },
      }),
      checkServer(pool, id) {
        checked.push(`${pool}/${id}`)
        return true
      },
    },
    clock: { now: () => now },
    log: openLog({ level: 'info', format: 'json', write: (line) => logs.push(line) }),
    probes: (pool) => pool === 'probed',
    stepS: 60,
    every(ms, each) {
      assert.equal(ms, 60_000)
      look = each
      return () => {}
    },
  })
  const minute = (ms: number): void => {
    now += 60_000
    requests += 60
    latencyMs = ms
    look()
  }
  return {
    ...{ watch, logs, checked, minute },
    serve(next: boolean) {
      isServing = next
    },
  }
}

describe('watchAnomalies()', () => {
  it('logs and lists what is found, and checks the server at once where that is asked for', async () => {
    const { watch, logs, checked, minute } = await running()
    for (let i = 0; i < 700; i++) minute(usual())
    assert.deepEqual([checked, watch.findings()], [[], []])
    for (let i = 0; i < 5; i++) minute(900)
    assert.deepEqual([...new Set(checked)], ['probed/a'])
    assert.ok(checked.length <= 2, 'once or twice for one trouble')
    assert.deepEqual([...new Set(watch.findings().map(({ series }) => series))].sort(), [
      'server/observed/a/latency',
      'server/probed/a/latency',
    ])
    const said = logs.join('\n')
    assert.match(said, /"series":"server\/probed\/a\/latency","value":900.*"probed":true/)
    assert.match(said, /"series":"server\/observed\/a\/latency".*"probed":false/)
    const anomalous = () =>
      watch
        .list()
        .filter((one) => one.anomalous)
        .map(({ series }) => series)
    assert.deepEqual(anomalous(), ['server/observed/a/latency', 'server/probed/a/latency'])
    for (let i = 0; i < 15; i++) minute(usual())
    assert.deepEqual(anomalous(), [])
  })

  it('steps without a worker are unknown: counting begins anew', async () => {
    const { watch, minute, serve } = await running()
    minute(10)
    minute(10)
    const at = watch.list()[0]?.at
    serve(false)
    minute(10)
    serve(true)
    minute(10)
    assert.equal(watch.list()[0]?.at, at)
    minute(10)
    assert.ok((watch.list()[0]?.at ?? 0) > (at ?? 0))
  })

  it('knows what it learned after a restart', async () => {
    const store = memoryForecastStore()
    const before = await running(store)
    for (let i = 0; i < 700; i++) before.minute(usual())
    await before.watch.close()
    const { watch, minute } = await running(store, START_MS + 701 * 60_000)
    assert.deepEqual(watch.list(), [], 'what nobody told of since is not shown')
    minute(10)
    minute(10)
    for (let i = 0; i < 5; i++) minute(900)
    assert.equal(watch.findings()[0]?.value, 900)
    await watch.close()
  })

  it('goes on, and says so, when storage fails', async () => {
    const fails = (): Promise<never> => Promise.reject(new Error('disk full'))
    const store = { ...memoryForecastStore(), loadSeries: fails, saveSeries: fails }
    const { watch, logs, minute } = await running(store)
    minute(10)
    minute(10)
    assert.ok(watch.list().length > 0)
    await watch.close()
    assert.equal(logs.filter((line) => line.includes('disk full')).length, 2)
  })
})
