import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeDataPlane } from '../../../test/fake-data-plane.ts'
import { memoryForecastStore } from '../../adapters/memory/forecast-store.ts'
import { openLog } from '../../adapters/node/json-log.ts'
import { type FitJob, fitModels } from '../../forecast/forecaster.ts'
import { countIn, type LogHistogram, logHistogram } from '../../math/log-histogram.ts'
import type { UpstreamView } from '../../ports/data-plane.ts'
import type { AnnouncedEvent, ForecastStore } from '../../ports/forecast-store.ts'
import { forecastLoad } from './load-forecast.ts'

/** A whole minute. */
const START_MS = 1_790_000_040_000
const MINUTE_MS = 60_000

const SERVER: UpstreamView = {
  ...{ pool: 'site', id: 'a', address: '127.0.0.1:9101', state: 'up', weight: 1, inFlight: 0 },
  ...{ connections: 0, requests: 0, failures: 0, latencyMs: 10, check: '' },
  latencyCounts: logHistogram(),
}

/** A Limen whose minutes pass when they are told to, behind which `site` has one server. */
async function running(
  options: {
    store?: ForecastStore
    startMs?: number
    fit?: (job: FitJob) => Promise<ReturnType<typeof fitModels>>
    events?: readonly AnnouncedEvent[]
  } = {},
) {
  let now = options.startMs ?? START_MS
  let look = (): void => {}
  let servers: readonly UpstreamView[] = [SERVER]
  const logs: string[] = []
  const fits: FitJob[] = []
  const store = options.store ?? memoryForecastStore()
  const plane = { workers: fakeDataPlane().workers, upstreams: () => servers }
  let isServing = true
  const forecast = await forecastLoad({
    plane: {
      ...plane,
      workers: () =>
        plane.workers().map((one) => ({ ...one, state: isServing ? 'serving' : 'dead' })),
    },
    clock: { now: () => now },
    log: openLog({ level: 'info', format: 'json', write: (line) => logs.push(line) }),
    store,
    events: { list: () => options.events ?? [], onChange: () => {} },
    async fit(job) {
      fits.push(job)
      return await (options.fit ?? (async (each) => fitModels(each)))(job)
    },
    every(ms, each) {
      assert.equal(ms, MINUTE_MS)
      look = each
      return () => {
        look = () => {}
      }
    },
  })
  /** To the end of a minute that had so many requests a second, of which one in a hundred took longer than `p99Ms`. */
  const minute = async (perSecond: number, p99Ms = 10): Promise<void> => {
    now = (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS
    const count = 60 * perSecond
    servers = servers.map((one) => ({
      ...one,
      requests: one.requests + count,
      latencyCounts: withTimes(one.latencyCounts, count, p99Ms),
    }))
    look()
    // What it began without waiting for it: fitting and keeping here take a few turns of the event loop.
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    ...{ forecast, store, logs, fits, minute },
    now: () => now,
    setServing(next: boolean) {
      isServing = next
    },
    setServers(next: readonly UpstreamView[]) {
      servers = next
    },
    history: () => forecast.list()[0]?.curve.history,
  }
}

/** Exponential, as of a queue. */
function withTimes(before: LogHistogram, count: number, p99Ms: number): LogHistogram {
  const counts = before.slice()
  for (let i = 0; i < count; i++) {
    countIn(counts, (p99Ms * -Math.log(1 - (i + 0.5) / count)) / Math.log(100))
  }
  return counts
}

const evenly = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1))

describe('forecastLoad()', () => {
  it('counts minute by minute, from the first whole one on; without a worker minutes are unknown', async () => {
    const { forecast, minute, history, setServing } = await running()
    assert.deepEqual(forecast.list(), [])
    await minute(3)
    assert.deepEqual(forecast.list(), [], 'the first is where counting begins')
    await minute(5)
    await minute(0)
    setServing(false)
    await minute(0)
    setServing(true)
    await minute(0)
    await minute(7)
    assert.deepEqual(history(), [5, 0, null, null, 7])
    await forecast.close()
  })

  it('has models fitted elsewhere when that is due, one history at a time', async () => {
    const { forecast, minute, fits } = await running()
    for (let i = 0; i < 60; i++) await minute(5)
    assert.equal(fits.length, 0)
    for (let i = 0; i < 10; i++) await minute(5)
    assert.deepEqual(
      fits.map(({ total, history }) => [total, history.length]),
      [[60, 60]],
    )
    await forecast.close()
  })

  it('a fit that fails is said, and tried again after an hour; forecasts go on', async () => {
    const fit = async (): Promise<never> => {
      throw new Error('no thread')
    }
    const { forecast, minute, fits, logs } = await running({ fit })
    for (let i = 0; i < 130; i++) await minute(5)
    assert.equal(fits.length, 2)
    assert.equal(logs.filter((line) => line.includes('no thread')).length, 2)
    assert.ok(Math.abs((forecast.list()[0]?.summary.horizons[0]?.expected ?? 0) - 5) < 1e-9)
    await forecast.close()
  })

  it('still knows what it knew when it starts again, the minutes between are unknown', async () => {
    const before = await running()
    for (let i = 0; i < 80; i++) await before.minute(5)
    await before.forecast.close()
    const startMs = before.now() + 90_000
    const { forecast, minute, history, logs, fits } = await running({
      store: before.store,
      startMs,
    })
    assert.equal(history()?.length, 80)
    assert.deepEqual(history()?.slice(-3), [5, 5, null])
    assert.equal(forecast.list()[0]?.summary.horizons[0]?.judged, 74)
    await minute(6)
    await minute(6)
    assert.deepEqual(history()?.slice(-4), [5, null, null, 6])
    assert.deepEqual(fits, [], 'nor are models fitted again')
    assert.deepEqual(logs, [])
    await forecast.close()
  })

  it('keeps what it knows every five minutes: a kill loses no more', async () => {
    const before = await running()
    for (let i = 0; i < 12; i++) await before.minute(5)
    const { history } = await running({ store: before.store, startMs: before.now() })
    assert.deepEqual(history(), [5, 5, 5, 5, 5, 5, 5, 5, 5, null, null])
  })

  it('a record that is of no use is said once, and begun anew', async () => {
    const before = await running()
    for (let i = 0; i < 6; i++) await before.minute(5)
    await before.forecast.close()
    const startMs = before.now() + 8 * 86_400_000
    const { forecast, logs, minute, history } = await running({ store: before.store, startMs })
    await minute(1)
    await minute(2)
    assert.deepEqual(history(), [2])
    assert.equal(logs.length, 1)
    assert.match(logs[0] ?? '', /"pools":\["site"\].*begun anew/)
    await forecast.close()
  })

  it('learns what announced events do, and forecasts the next of the kind by it', async () => {
    const event = { id: '', pool: 'site', kind: 'sale', source: 'api' }
    const startS = START_MS / 1000
    const [first, next] = [startS + 180 * 60, startS + 330 * 60]
    const events = [first, next].map((at) => ({ ...event, startS: at, endS: at + 1800 }))
    const { forecast, minute, now } = await running({ events })
    const isSale = (): boolean => now() / 1000 >= first && now() / 1000 < first + 1800
    while (now() / 1000 < next - 300) await minute(isSale() ? 40 : 10)
    const { summary, curve } = forecast.list()[0] ?? assert.fail()
    const [sale] = summary.events
    assert.deepEqual([sale?.startAt, sale?.endAt], [next * 1000, (next + 1800) * 1000])
    assert.equal(sale?.learnedFrom, 1)
    // Four times the load, and one event alone counts half of that in logarithms: twice.
    assert.ok(Math.abs((sale?.factor ?? 0) - 2) < 0.1, `factor ${sale?.factor}`)
    const [before = 0, inside = 0] = [curve.expected[3], curve.expected[8]]
    assert.ok(Math.abs(inside / before - (sale?.factor ?? 0)) < 0.1, `${before} to ${inside}`)
    await forecast.close()
  })

  it('storage that fails stops nothing, and is said once', async () => {
    const store: ForecastStore = {
      ...memoryForecastStore(),
      load: () => Promise.reject(new Error('no disk')),
      save: () => Promise.reject(new Error('disk full')),
    }
    const { forecast, minute, logs, history } = await running({ store })
    for (let i = 0; i < 12; i++) await minute(5)
    assert.equal(history()?.length, 11)
    await forecast.close()
    assert.deepEqual(
      logs.map((line) => /no disk|disk full/.exec(line)?.[0]),
      ['no disk', 'disk full'],
    )
  })

  it('shows pools of now; one that is gone is kept until others need its room', async () => {
    const { forecast, store, minute, setServers } = await running()
    for (let i = 0; i < 3; i++) await minute(5)
    setServers([{ ...SERVER, pool: 'other' }])
    for (let i = 0; i < 3; i++) await minute(5)
    assert.deepEqual(
      forecast.list().map(({ summary }) => summary.pool),
      ['other'],
    )
    await forecast.close()
    assert.deepEqual(
      (await store.load()).map(({ pool }) => pool),
      ['other', 'site'],
    )
  })

  it('goes by the slowest hundredth of each minute, not by its mean', async () => {
    const { forecast, minute, store } = await running()
    for (const p99Ms of [10, 10, 80, 10]) await minute(20, p99Ms)
    await forecast.close()
    const [samples = []] = (await store.load())[0]?.servers.map((one) => one.samples) ?? []
    const p99 = samples.map((one) => one.p99Ms)
    assert.equal(p99.length, 3)
    for (const [i, wanted] of [10, 80, 10].entries()) {
      assert.ok(Math.abs((p99[i] ?? 0) / wanted - 1) < 0.19, `${p99}`)
    }
  })

  it('notes what is said of the CPU while that is fresh, the higher of server and machine', async () => {
    const { forecast, minute, store, setServers, now } = await running()
    const machine = {
      cpu: 0.5,
      memory: 0,
      loadAverage: 0,
      receivedBytesPerSecond: 0,
      sentBytesPerSecond: 0,
    }
    const load = { cpu: 0.4, utilization: [], named: [] }
    await minute(20)
    const at = now() + MINUTE_MS
    const said = { load: { ...load, at }, machine: { ...machine, at } }
    setServers([{ ...SERVER, ...said, requests: 10_000 }])
    await minute(20)
    // The agent is asked every five seconds: a minute on its answer is too old, what the server said in an answer is not.
    await minute(20)
    await minute(20)
    await forecast.close()
    const [samples = []] = (await store.load())[0]?.servers.map((one) => one.samples) ?? []
    assert.deepEqual(
      samples.map(({ cpu }) => cpu),
      [0.5, 0.4, undefined],
    )
  })

  it('has an outlook once capacity and forecast can be trusted, of the fullest pool', async () => {
    const { forecast, minute, now } = await running()
    const busy = async (loads: readonly number[]): Promise<void> => {
      for (const load of loads) await minute(load, 1000 / (100 - load))
    }
    await busy(evenly(1, 20, 120))
    assert.equal(forecast.outlook(), undefined, 'never near its limit')
    await busy(evenly(1, 95, 120))
    await busy(new Array<number>(60).fill(34))
    const [view] = forecast.list()
    const { requestsPerSecond, shareAhead } = view?.summary.capacity ?? {}
    assert.ok(typeof requestsPerSecond === 'number' && Math.abs(requestsPerSecond / 68 - 1) < 0.08)
    const outlook = forecast.outlook()
    assert.ok(outlook !== undefined)
    assert.equal(outlook.now, 34 / requestsPerSecond)
    assert.equal(outlook.ahead, shareAhead)
    assert.equal(outlook.at, now())
    assert.ok(outlook.aheadS >= 0 && outlook.aheadS <= 14 * 60)
    await forecast.close()
  })
})
