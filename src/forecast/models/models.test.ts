/** The contract of `forecast/model.ts`, run by every model of a single series. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { combined } from '../combine.ts'
import type { ForecastModel, SeriesFrame } from '../model.ts'
import { arima } from './arima.ts'
import { doubleSeason } from './double-season.ts'
import { echoState } from './echo-state.ts'
import { ets } from './ets.ts'
import { harmonicRegression } from './harmonic-regression.ts'
import { lastValue } from './last-value.ts'
import { naive2 } from './naive2.ts'
import { seasonProfile } from './season-profile.ts'
import { seasonalNaive } from './seasonal-naive.ts'

const ROLLING = { steps: 12, strideSteps: 12, origins: 3 }
const MODELS: readonly ForecastModel<unknown>[] = [
  lastValue,
  seasonalNaive(0),
  seasonalNaive(1),
  naive2,
  ets,
  doubleSeason(1),
  doubleSeason(2),
  harmonicRegression,
  seasonProfile,
  echoState,
  arima,
  combined([lastValue, seasonalNaive(0), doubleSeason(2)], ROLLING),
]

const FRAMES: Readonly<Record<string, SeriesFrame>> = {
  'two seasons': { stepS: 3600, startS: 0, seasons: [12, 48] },
  'one season': { stepS: 3600, startS: 0, seasons: [12] },
  'no season': { stepS: 60, startS: 0, seasons: [] },
}

const random = seededRandom(5)
const wave = (length: number, level: number) =>
  Float64Array.from(
    { length },
    (_, t) =>
      level +
      10 * Math.sin((2 * Math.PI * t) / 12) +
      5 * Math.sin((2 * Math.PI * t) / 48) +
      2 * random.fraction(),
  )
const withGaps = (values: Float64Array) =>
  values.map((value, t) => (t % 17 === 3 || (t > 60 && t < 90) ? Number.NaN : value))

/** Histories, and the least and most that a forecast of them may be: what was seen and its width on either side. */
const HISTORIES: Readonly<Record<string, readonly [Float64Array, number, number]>> = {
  empty: [new Float64Array(), 0, 0],
  'all unknown': [new Float64Array(300).fill(Number.NaN), 0, 0],
  'one value': [Float64Array.of(7), 7, 7],
  'one value among unknown ones': [new Float64Array(200).fill(Number.NaN).fill(7, 50, 51), 7, 7],
  'two values': [Float64Array.of(1, 2), 0, 3],
  constant: [new Float64Array(300).fill(5), 5, 5],
  zeros: [new Float64Array(300), 0, 0],
  negative: [wave(300, -100), -157, -43],
  'around zero': [wave(300, 0), -57, 59],
  gaps: [withGaps(wave(300, 100)), 43, 159],
  'gap at the end': [wave(300, 100).fill(Number.NaN, 280), 43, 159],
  'mostly zeros': [Float64Array.from({ length: 300 }, (_, t) => (t % 12 === 0 ? 9 : 0)), 0, 18],
  explosion: [Float64Array.from({ length: 100 }, (_, t) => 1.3 ** t), 0, 2.2 * 1.3 ** 99],
  infinite: [wave(300, 100).fill(Number.POSITIVE_INFINITY, 100, 101), 43, 159],
}

const within = (forecast: Float64Array, low: number, high: number) => {
  const slack = 1e-9 * Math.max(1, Math.abs(low), Math.abs(high))
  for (const value of forecast) assert.ok(value >= low - slack && value <= high + slack, `${value}`)
}

for (const model of MODELS) {
  describe(model.name, () => {
    for (const [kind, frame] of Object.entries(FRAMES)) {
      it(`${kind}: forecasts of any history are finite and within bounds, before and after updates`, () => {
        for (const [history, low, high] of Object.values(HISTORIES)) {
          const state = model.fit(history, frame)
          const first = model.forecast(state, 30)
          assert.equal(first.length, 30)
          within(first, low, high)
          for (const value of [Number.NaN, high, Number.NaN, low]) model.update(state, value)
          const width = high - low
          within(
            model.forecast(state, 30),
            low >= 0 ? Math.max(0, low - width) : low - width,
            high + width,
          )
        }
      })
    }

    it('a state is plain data: a copy of it goes on alike', () => {
      const frame = { stepS: 60, startS: 0, seasons: [12, 48] }
      const state = model.fit(wave(300, 100), frame)
      const copy = structuredClone(state)
      for (const value of [101, 99, Number.NaN, 104]) {
        model.update(state, value)
        model.update(copy, value)
      }
      assert.deepEqual(model.forecast(copy, 20), model.forecast(state, 20))
    })

    it('forecasting changes nothing, fitting does not touch the history', () => {
      const history = withGaps(wave(300, 100))
      const before = history.slice()
      const state = model.fit(history, { stepS: 60, startS: 0, seasons: [12, 48] })
      assert.deepEqual(history, before)
      const first = model.forecast(state, 20)
      assert.deepEqual(model.forecast(state, 20), first)
      assert.deepEqual(model.forecast(state, 5), first.slice(0, 5))
    })
  })
}
