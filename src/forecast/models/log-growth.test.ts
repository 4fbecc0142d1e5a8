import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import type { SeriesFrame } from '../model.ts'
import { LOG_GROWTH_DEFAULTS, type LogGrowthState, logGrowth } from './log-growth.ts'

/** Days of 96 steps keep the tests short. */
const DAY = 96
const FRAME: SeriesFrame = { stepS: 900, startS: 0, seasons: [DAY] }
const model = logGrowth({ ...LOG_GROWTH_DEFAULTS, horizons: [1, 4, 12] })

/** A day's shape, and growth that wanders. */
function days(count: number, noise = 0.1): Float64Array {
  const random = seededRandom(7)
  return Float64Array.from({ length: count * DAY }, (_, t) => {
    const chance = noise * (random.fraction() + random.fraction() - 1)
    return Math.round(200 * Math.exp(Math.sin((2 * Math.PI * t) / DAY) + chance))
  })
}

/** A copy of `state` with what another one learned. */
function taughtBy(state: LogGrowthState, other: LogGrowthState): LogGrowthState {
  const copy = structuredClone(state)
  const aheads = copy.aheads.map((ahead, i) => ({
    ...ahead,
    learned: other.aheads[i]?.learned ?? null,
  }))
  return { ...copy, aheads }
}

/** At any time there may be a rush: in the morning it doubles within three steps, in the evening it is over by then. */
function rushes(count: number): number[] {
  const random = seededRandom(11)
  const values = Array.from({ length: count * DAY }, () => 200 + 20 * random.fraction())
  for (let t = 10; t + 10 < values.length; t += 12) {
    if (random.fraction() < 0.5) continue
    const after = t % DAY < DAY / 2 ? 4 : 1
    for (const [k, factor] of [2, 2, 2, after, after, after].entries()) {
      values[t + k] = (values[t + k] ?? 0) * factor
    }
  }
  return values
}

describe('logGrowth()', () => {
  it('follows a daily shape to within the noise', () => {
    const values = days(20)
    const state = model.fit(values.slice(0, 19 * DAY), FRAME)
    let error = 0
    let errorLast = 0
    for (let t = 19 * DAY; t + 12 <= values.length; t++) {
      const forecast = model.forecast(state, 12)
      error += Math.abs((forecast[11] ?? 0) - (values[t + 11] ?? 0))
      errorLast += Math.abs((values[t - 1] ?? 0) - (values[t + 11] ?? 0))
      model.update(state, values[t] ?? 0)
    }
    assert.ok(error < 0.15 * errorLast, `${error} of ${errorLast}`)
  })

  it('updates to the same state that it fits to, but for what it learned', () => {
    const values = days(30)
    const updated = model.fit(values.slice(0, 20 * DAY), FRAME)
    // Long enough that what is too old was forgotten once.
    for (const value of values.subarray(20 * DAY)) model.update(updated, value)
    const fitted = taughtBy(model.fit(values, FRAME), updated)
    model.inherit?.(fitted, updated)
    const difference = model.forecast(updated, 30).map((value, k) => {
      return value - (model.forecast(fitted, 30)[k] ?? 0)
    })
    assert.ok(
      difference.every((value) => Math.abs(value) < 1e-6),
      `${difference}`,
    )
  })

  it('sees by its updates that days have changed', () => {
    const values = days(30)
    // From now on what grows goes on growing, faster than any day.
    const wild = Float64Array.from({ length: 8 * DAY }, (_, t) =>
      Math.round(300 * Math.exp(Math.sin(t / 6) + Math.sin((2 * Math.PI * t) / DAY))),
    )
    const state = model.fit(values, FRAME)
    const calm = model.fit(values, FRAME)
    let [error, errorCalm] = [0, 0]
    for (const [t, value] of wild.entries()) {
      if (t > DAY && t + 4 <= wild.length) {
        const actual = wild[t + 3] ?? 0
        error += Math.abs((model.forecast(state, 4)[3] ?? 0) - actual)
        const still = taughtBy(state, calm)
        model.inherit?.(still, calm)
        errorCalm += Math.abs((model.forecast(still, 4)[3] ?? 0) - actual)
      }
      model.update(state, value)
    }
    assert.ok(error < 0.8 * errorCalm, `${error} of ${errorCalm}`)
  })

  it('sees by its trees what no sum of terms says: growth that depends on the hour', () => {
    const long = logGrowth({ ...LOG_GROWTH_DEFAULTS, horizons: [4], windowSeasons: 150 })
    const values = rushes(160)
    const state = long.fit(Float64Array.from(values.slice(0, 159 * DAY)), FRAME)
    const blind = structuredClone(state)
    for (const { learned } of blind.aheads) learned?.trees.values.fill(0)
    let [error, errorBlind] = [0, 0]
    for (let t = 159 * DAY; t + 4 <= values.length; t++) {
      // Where a rush has just begun; that it would, nobody could know.
      if ((values[t - 1] ?? 0) > 300 && (values[t - 2] ?? 0) < 300) {
        const actual = values[t + 3] ?? 0
        error += Math.abs((long.forecast(state, 4)[3] ?? 0) - actual)
        errorBlind += Math.abs((long.forecast(blind, 4)[3] ?? 0) - actual)
      }
      for (const each of [state, blind]) long.update(each, values[t] ?? 0)
    }
    assert.ok(error < 0.6 * errorBlind, `${error} of ${errorBlind}`)
  })

  it('who was right lately speaks, also after the next fit', () => {
    const values = days(20)
    const last = values.at(-1) ?? 0
    const offBy = (state: LogGrowthState) =>
      Math.abs(Math.log((model.forecast(state, 1)[0] ?? 0) / last))
    /** Trees that are wrong. */
    const wrong = (state: LogGrowthState) => {
      for (const { learned } of state.aheads) learned?.trees.values.fill(1)
      return state
    }
    const state = wrong(model.fit(values.slice(0, -DAY), FRAME))
    for (const value of values.subarray(-DAY)) model.update(state, value)
    assert.ok(offBy(state) < 0.3, `${offBy(state)}`)
    const other = wrong(model.fit(values, FRAME))
    // Of which nobody knows yet who is right.
    model.inherit?.(other, model.fit(values, FRAME))
    assert.ok(offBy(other) > 1, `${offBy(other)}`)
    model.inherit?.(other, state)
    assert.ok(offBy(other) < 0.3, `${offBy(other)}`)
  })

  it('updates learn nothing from an outage', () => {
    const values = days(20)
    const state = model.fit(values, FRAME)
    const before = structuredClone(state.aheads)
    for (let k = 0; k < DAY; k++) model.update(state, 0)
    for (const [i, { learned, errors }] of state.aheads.entries()) {
      assert.deepEqual([learned, errors], [before[i]?.learned, before[i]?.errors])
    }
  })

  it('learns nothing from an outage', () => {
    const values = days(20)
    const off = values.slice().fill(0, 10 * DAY, 11 * DAY)
    const unknown = values.slice().fill(Number.NaN, 10 * DAY, 11 * DAY)
    const [a, b] = [off, unknown].map((history) => model.forecast(model.fit(history, FRAME), 12))
    assert.deepEqual(a, b)
  })

  it('forecasts the level where there is too little to learn from, and zero of nothing', () => {
    assert.deepEqual([...model.forecast(model.fit(new Float64Array(0), FRAME), 3)], [0, 0, 0])
    const constant = model.forecast(model.fit(new Float64Array(20).fill(5), FRAME), 30)
    assert.ok(constant.every((value) => Math.abs(value - 5) < 1e-9))
    const unknown = model.forecast(model.fit(new Float64Array(500).fill(Number.NaN), FRAME), 30)
    assert.ok(unknown.every((value) => value === 0))
  })

  it('goes on without a season', () => {
    const state = model.fit(days(20), { ...FRAME, seasons: [] })
    const forecast = model.forecast(state, 40)
    assert.ok(
      forecast.every((value) => value > 50 && value < 700),
      `${forecast}`,
    )
  })

  it('stays below twice the greatest value ever seen', () => {
    const values = days(20)
    values.fill(100_000, 19 * DAY + 90)
    const forecast = model.forecast(model.fit(values, FRAME), 40)
    assert.ok(forecast.every((value) => Number.isFinite(value) && value >= 0 && value <= 200_000))
  })

  it('takes 30 % unknown values', () => {
    const random = seededRandom(3)
    const values = days(20).map((value) => (random.fraction() < 0.3 ? Number.NaN : value))
    const whole = model.forecast(model.fit(days(20), FRAME), 12)
    const holed = model.forecast(model.fit(values, FRAME), 12)
    holed.forEach((value, k) => {
      assert.ok(Math.abs(Math.log(value / (whole[k] ?? 0))) < 0.15, `${holed}, not ${whole}`)
    })
  })
})
