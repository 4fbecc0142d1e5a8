import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import {
  FINDINGS_MAX,
  openSeriesWatch,
  SERIES_MAX,
  type SeriesCounters,
  type SeriesFinding,
  watchStep,
} from './watch-series.ts'

const START_S = 1_790_000_040
const STEP_S = 60

/** Counters of a server and a listener that go on by what each step had. */
function site() {
  const watch = openSeriesWatch()
  let atS = START_S
  let [requests, failures, hellos, refused] = [0, 0, 0, 0]
  const counters = (latencyMs: number): SeriesCounters => ({
    atS,
    servers: [{ pool: 'site', id: 'a', requests, failures, latencyMs }],
    listeners: { web: { hellos, refused } },
  })
  watchStep(watch, counters(0), STEP_S)
  const step = (
    more: { asked?: number; failed?: number; latencyMs?: number; met?: number; denied?: number },
    seconds = STEP_S,
  ): readonly SeriesFinding[] => {
    atS += seconds
    requests += more.asked ?? 0
    failures += more.failed ?? 0
    hellos += more.met ?? 0
    refused += more.denied ?? 0
    return watchStep(watch, counters(more.latencyMs ?? 10), STEP_S)
  }
  const values = () => [...watch.series].map(([name, { value }]) => [name, value])
  return { watch, step, values }
}

describe('watchStep()', () => {
  it('makes one value a step of counters: rates, a share, a time; unknown where nothing was asked', () => {
    const { step, values } = site()
    step({ asked: 120, failed: 30, latencyMs: 7, met: 60, denied: 6 })
    assert.deepEqual(values(), [
      ['server/site/a/requests', 2],
      ['server/site/a/errors', 0.25],
      ['server/site/a/latency', 7],
      ['listener/web/hellos', 1],
      ['listener/web/refused', 0.1],
    ])
    step({})
    assert.deepEqual(
      values().map(([, value]) => value),
      [0, null, null, 0, 0],
    )
  })

  it('says nothing of a step that was too short or too long', () => {
    const { step, values } = site()
    assert.deepEqual(step({ asked: 60 }, 10), [])
    assert.deepEqual(values(), [])
    step({ asked: 60 }, 50)
    assert.equal(values()[0]?.[1], 2, 'the short one is of the next')
    step({ asked: 600 }, 600)
    assert.equal(values()[0]?.[1], 2)
  })

  it('finds what a server never did, once per trouble, and nothing on a usual day', () => {
    const { watch, step } = site()
    const random = seededRandom(7)
    const usual = () => ({
      asked: 600 + Math.round(60 * random.fraction()),
      failed: Math.round(2 * random.fraction()),
      latencyMs: 10 + 2 * random.fraction(),
      met: 100 + Math.round(20 * random.fraction()),
      denied: Math.round(3 * random.fraction()),
    })
    for (let i = 0; i < 2 * 1440; i++) step(usual())
    const quiet = watch.findings.length
    assert.ok(quiet <= 5, `${quiet} findings in two usual days of five series`)
    const found: SeriesFinding[] = []
    for (let i = 0; i < 15; i++) found.push(...step({ ...usual(), latencyMs: 200 + i }))
    assert.deepEqual(
      [...new Set(found.map(({ series }) => series))],
      ['server/site/a/latency'],
      JSON.stringify(found),
    )
    const [first] = found
    assert.deepEqual(first?.server, { pool: 'site', id: 'a' })
    assert.ok(first?.reasons.includes('beyond-seen-range'))
    assert.ok(found.length <= 2, `${found.length} for one trouble`)
    assert.equal(watch.series.get('server/site/a/latency')?.foundAt, found.at(-1)?.at)
  })

  it('has room for so many series: those nobody tells of go, then there is none', () => {
    const watch = openSeriesWatch()
    const listeners = (from: number, count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`l${from + i}`, { hellos: 0, refused: 0 }]),
      )
    const tell = (i: number, of: SeriesCounters['listeners']) =>
      watchStep(watch, { atS: START_S + STEP_S * i, servers: [], listeners: of }, STEP_S)
    const half = SERIES_MAX / 2
    for (const i of [0, 1]) tell(i, listeners(0, half))
    assert.equal(watch.series.size, SERIES_MAX)
    for (const i of [2, 3]) tell(i, listeners(half - 1, 2))
    assert.equal(watch.series.size, SERIES_MAX)
    assert.ok(watch.series.has(`listener/l${half}/hellos`))
    assert.ok(!watch.series.has('listener/l0/hellos'))
    for (const i of [4, 5]) tell(i, listeners(0, half + 1))
    assert.equal(watch.series.size, SERIES_MAX)
    assert.equal(watch.unwatched, 2)
  })

  it('remembers so many findings', () => {
    const { watch, step } = site()
    const one = { series: 'x', value: 1, at: 0, score: 9, reasons: [] }
    watch.findings.push(...Array.from({ length: FINDINGS_MAX + 5 }, () => one))
    step({ asked: 1 })
    assert.equal(watch.findings.length, FINDINGS_MAX)
  })
})
