import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  combined,
  errorOf,
  inverseErrorWeights,
  mixForecasts,
  rollForecasts,
  rollingOrigins,
} from './combine.ts'
import { lastValue } from './models/last-value.ts'
import { seasonalNaive } from './models/seasonal-naive.ts'

const frame = { stepS: 60, startS: 0, seasons: [4] }
const OPTIONS = { steps: 4, strideSteps: 2, origins: 3 }

it('rollingOrigins() end one forecast before the end, and leave half of the history to fit to', () => {
  assert.deepEqual(rollingOrigins(20, OPTIONS), [12, 14, 16])
  assert.deepEqual(rollingOrigins(9, OPTIONS), [5])
  assert.deepEqual(rollingOrigins(4, OPTIONS), [])
})

it('rollForecasts() and errorOf(): each forecast knows what came before it, unknown values do not count', () => {
  const history = Float64Array.from({ length: 20 }, (_, t) => t)
  const track = rollForecasts(lastValue, history, frame, OPTIONS)
  assert.deepEqual(
    track.forecasts.map((forecast) => forecast[0]),
    [11, 13, 15],
  )
  assert.equal(errorOf(history, track), 2.5)
  history[19] = Number.NaN
  assert.equal(errorOf(history, track), 26 / 11)
  assert.ok(Number.isNaN(errorOf(history, { origins: [], forecasts: [] })))
})

it('inverseErrorWeights() by hand: half the error, sixteen times the weight', () => {
  const [a = 0, b = 0] = inverseErrorWeights([1, 2])
  assert.ok(Math.abs(a / b - 16) < 0.1)
  assert.ok(Math.abs(a + b - 1) < 1e-12)
  assert.deepEqual([...inverseErrorWeights([0, 0])], [0.5, 0.5])
  assert.deepEqual([...inverseErrorWeights([Number.NaN, 3])], [0, 1])
  assert.deepEqual([...inverseErrorWeights([Number.NaN, Number.NaN])], [0.5, 0.5])
})

it('mixForecasts() is the weighted mean', () => {
  const mixed = mixForecasts(
    [Float64Array.of(1, 2), Float64Array.of(5, 6)],
    Float64Array.of(0.75, 0.25),
  )
  assert.deepEqual([...mixed], [2, 3])
})

it('combined() trusts the model that was right', () => {
  const history = Float64Array.from({ length: 40 }, (_, t) => [1, 5, 2, 8][t % 4] ?? 0)
  const model = combined([lastValue, seasonalNaive(0)], OPTIONS)
  const forecast = model.forecast(model.fit(history, frame), 4)
  for (const [h, value] of forecast.entries()) {
    assert.ok(Math.abs(value - (history[h] ?? 0)) < 1e-3)
  }
})
