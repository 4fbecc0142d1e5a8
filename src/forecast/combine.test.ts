import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  combined,
  inverseErrorWeights,
  mixForecasts,
  refineWeights,
  weighTracks,
} from './combine.ts'
import { lastValue } from './models/last-value.ts'
import { seasonalNaive } from './models/seasonal-naive.ts'

const frame = { stepS: 60, startS: 0, seasons: [4] }
const OPTIONS = { steps: 4, strideSteps: 2, origins: 3 }

it('inverseErrorWeights() by hand: half the error, sixteen times the weight', () => {
  const [a = 0, b = 0] = inverseErrorWeights([1, 2])
  assert.ok(Math.abs(a / b - 16) < 0.1)
  assert.ok(Math.abs(a + b - 1) < 1e-12)
  assert.deepEqual([...inverseErrorWeights([0, 0])], [0.5, 0.5])
  assert.deepEqual([...inverseErrorWeights([Number.NaN, 3])], [0, 1])
  assert.deepEqual([...inverseErrorWeights([Number.NaN, Number.NaN])], [0.5, 0.5])
})

/** Two models that are off by as much, to either side, and a third that is off by twice that. */
const history = Float64Array.of(0, 10, 10, 10, 10)
const tracks = [8, 12, 14].map((value) => ({
  origins: [1, 3],
  forecasts: [Float64Array.of(value, value), Float64Array.of(value, value)],
}))

it('refineWeights() goes where the mixture is right: away from who errs to the side of the others', () => {
  const weights = inverseErrorWeights([2, 2, 4])
  const refined = refineWeights(history, tracks, weights)
  const errorAt = (by: Float64Array) =>
    Math.abs(
      (mixForecasts(
        [8, 12, 14].map((v) => Float64Array.of(v)),
        by,
      )[0] ?? 0) - 10,
    )
  assert.ok(errorAt(refined) < errorAt(weights))
  assert.ok(Math.abs(refined.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-12)
  assert.deepEqual(weighTracks(history, tracks), refined)
})

it('refineWeights() leaves weights alone where nothing is to be learned, and none stays none', () => {
  const weights = Float64Array.of(0.5, 0.25, 0.25)
  const unknown = new Float64Array(5).fill(Number.NaN)
  assert.deepEqual(refineWeights(unknown, tracks, weights), weights)
  assert.deepEqual(refineWeights(history, [], new Float64Array()), new Float64Array())
  assert.equal(refineWeights(history, tracks, Float64Array.of(0.5, 0.5, 0))[2], 0)
})

it('refineWeights() by the measure it is given: who is below costs nothing', () => {
  const above = {
    cost: (actual: number, forecast: number) => Math.max(0, forecast - actual),
    slope: (actual: number, forecast: number) => (forecast > actual ? 1 : 0),
  }
  const equal = new Float64Array(3).fill(1 / 3)
  const [low = 0, high = 0] = refineWeights(history, tracks, equal, above)
  assert.ok(low > high)
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
