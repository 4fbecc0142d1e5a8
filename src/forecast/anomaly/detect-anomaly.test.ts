import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deserialize, serialize } from 'node:v8'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import {
  type AnomalyState,
  type AnomalyVerdict,
  detectAnomaly,
  HOLD_DOWN,
  startAnomaly,
} from './detect-anomaly.ts'
import { widthOf } from './seen-range.ts'

const STEP_MS = 300_000
const DAY = 86_400_000 / STEP_MS
const START_MS = Date.UTC(2026, 0, 5)

/** Days of load, 20 to 100, with noise of 3 to either side. */
function days(points: number, seed = 1): number[] {
  const random = seededRandom(seed)
  return Array.from(
    { length: points },
    (_, i) => 60 - 40 * Math.cos((2 * Math.PI * i) / DAY) + 6 * (random.fraction() - 0.5),
  )
}

const onGrid = (i: number) => START_MS + i * STEP_MS

function feed(
  values: readonly number[],
  timeOf: (i: number) => number = onGrid,
  state: AnomalyState = startAnomaly(),
): AnomalyVerdict[] {
  return values.map((value, i) => detectAnomaly(state, value, timeOf(i)))
}

/** Where the alarms were. */
function alarms(verdicts: readonly AnomalyVerdict[]): number[] {
  return verdicts.flatMap(({ anomalous }, i) => (anomalous ? [i] : []))
}

describe('detectAnomaly()', () => {
  it('alarms once at a single spike of 1000 times, says why, and sees a lesser one later', () => {
    const values = days(4000)
    values[2000] = 60_000
    values[2600] = 200
    const verdicts = feed(values)
    assert.deepEqual(alarms(verdicts), [2000, 2600])
    assert.deepEqual(verdicts[2000]?.reasons, [
      'unusual-for-the-hour',
      'unusual-shape',
      'beyond-seen-range',
    ])
    assert.ok((verdicts[2000]?.pValue ?? 1) < 1 / 1000)
  })

  it('learns a spike as one width of the seen range beyond it, no more', () => {
    const state = startAnomaly()
    const values = days(2000)
    feed(values, onGrid, state)
    const [low, high] = [Math.min(...values), Math.max(...values)]
    const near = (got: number | undefined, wanted: number) =>
      assert.ok(Math.abs((got ?? Number.NaN) - wanted) < 1e-9, `${got}, not ${wanted}`)
    near(widthOf(state.range), high - low)
    detectAnomaly(state, 1e9, onGrid(2000))
    near(state.past.values.at(-1), high + (high - low))
    near(widthOf(state.range), 2 * (high - low))
  })

  it('alarms at a new level, then takes it for usual within a day', () => {
    const values = days(4000).map((value, i) => (i < 2500 ? value : value + 150))
    const found = alarms(feed(values))
    assert.equal(found[0], 2500)
    assert.ok(found.length <= 4, `${found}`)
    assert.ok((found.at(-1) ?? 0) < 2500 + DAY, `${found}`)
  })

  it('sees working hours that did not come, though no value is strange', () => {
    const random = seededRandom(11)
    const values = Array.from({ length: 4000 }, (_, i) => {
      const worked = i % DAY >= 108 && i % DAY < 216 && Math.floor(i / DAY) !== 9
      return (worked ? 80 : 20) + 6 * (random.fraction() - 0.5)
    })
    const [first, ...others] = alarms(feed(values))
    assert.ok(first !== undefined && first >= 9 * DAY + 108 && first < 9 * DAY + 216, `${first}`)
    assert.deepEqual(others, [])
  })

  it('has no alarm for a constant series, and one when it changes', () => {
    const constant = Array.from({ length: 3000 }, () => 45)
    assert.deepEqual(alarms(feed(constant)), [])
    assert.deepEqual(alarms(feed(constant.map((value, i) => (i < 2500 ? value : 46)))), [2500])
  })

  it('alarms seldom where there is nothing: at most once in 2000 values of noise', () => {
    const random = seededRandom(7)
    const noise = Array.from({ length: 20_000 }, () => random.fraction() + random.fraction())
    assert.ok(alarms(feed(noise)).length <= 10)
  })

  it('says nothing about what is unknown, and learns nothing from it', () => {
    const state = startAnomaly()
    feed(days(500), onGrid, state)
    const before = serialize(state)
    for (const unknown of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      assert.deepEqual(detectAnomaly(state, unknown, onGrid(500)), {
        score: 0,
        pValue: 1,
        anomalous: false,
        reasons: [],
      })
    assert.deepEqual(serialize(state), before)
  })

  it('finds the same spike with 30 % of the values missing', () => {
    const random = seededRandom(3)
    const values = days(4000).map((value) => (random.fraction() < 0.3 ? Number.NaN : value))
    values[3000] = 300
    const found = alarms(feed(values))
    assert.ok(found.includes(3000))
    assert.ok(found.length <= 4, `${found}`)
  })

  it('takes a gap of two days for a gap, not for zeros', () => {
    const values = days(3000)
    const found = alarms(feed(values, (i) => onGrid(i < 2000 ? i : i + 2 * DAY)))
    assert.deepEqual(found, [])
  })

  it('finds a spike on irregular times', () => {
    const random = seededRandom(5)
    const values: number[] = []
    const times: number[] = []
    for (let at = START_MS; values.length < 4000; at += 2 * random.fraction() * STEP_MS) {
      const phase = (2 * Math.PI * (at % 86_400_000)) / 86_400_000
      values.push(60 - 40 * Math.cos(phase) + 6 * (random.fraction() - 0.5))
      times.push(at)
    }
    values[3000] = 300
    const found = alarms(feed(values, (i) => times[i] ?? 0))
    assert.ok(found.includes(3000))
    assert.ok(found.length <= 4, `${found}`)
  })

  it('takes values with repeated and unordered times as they come', () => {
    const values = days(3000)
    values[2500] = 300
    // Every time twice, and each pair of pairs the wrong way round.
    const found = alarms(feed(values, (i) => onGrid((i - (i % 2)) ^ 2)))
    assert.deepEqual(found, [2500])
  })

  it('outlives a clock that jumps: a few alarms at most, and it still sees', () => {
    const values = days(6000)
    values[5000] = 300
    // Seven hours and 400 days ahead for a day, then right again.
    const jump = 400 * 86_400_000 + 7 * 3_600_000
    const found = alarms(feed(values, (i) => onGrid(i) + (i >= 2000 && i < 2288 ? jump : 0)))
    assert.ok(found.includes(5000))
    assert.ok(found.length <= 6, `${found}`)
  })

  it('judges negative values as positive ones, and any unit alike', () => {
    const values = days(2000)
    values[1500] = 300
    const plain = feed(values)
    assert.deepEqual(feed(values.map((value) => -value)), plain)
    assert.deepEqual(feed(values.map((value) => value * 2 ** 20)), plain)
  })

  it('goes on after a restart as if there had been none', () => {
    const values = days(3000)
    values[2000] = 300
    const whole = feed(values)
    const state = startAnomaly()
    const before = feed(values.slice(0, 1700), onGrid, state)
    const after = feed(
      values.slice(1700),
      (i) => onGrid(1700 + i),
      deserialize(serialize(state)) as AnomalyState,
    )
    assert.deepEqual([...before, ...after], whole)
  })

  it('keeps a state of 62 KB, however long the series', () => {
    const state = startAnomaly()
    const atFirst = serialize(state).length
    feed(days(30_000), onGrid, state)
    assert.ok(atFirst > 60_000 && atFirst < 63_500, `${atFirst}`)
    // Whole numbers are stored shorter than others.
    assert.ok(serialize(state).length < atFirst + 200, `${serialize(state).length}`)
  })

  it('holds alarms down for a while, unless it gets worse', () => {
    const values = days(3000)
    values[2000] = 150
    values[2000 + HOLD_DOWN / 2] = 150
    values[2500] = 300
    values[2500 + HOLD_DOWN / 2] = 600
    assert.deepEqual(alarms(feed(values)), [2000, 2500, 2550])
  })

  it('is quiet before it has seen anything', () => {
    const random = seededRandom(9)
    const wild = Array.from({ length: 100 }, () => 10 ** (12 * random.fraction() - 6))
    assert.deepEqual(alarms(feed(wild)), [])
  })

  it('refuses a time that is none', () => {
    assert.throws(() => detectAnomaly(startAnomaly(), 1, Number.NaN), RangeError)
  })
})
