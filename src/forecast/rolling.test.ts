import assert from 'node:assert/strict'
import { it } from 'node:test'
import { lastValue } from './models/last-value.ts'
import { errorOf, rollForecasts, rollingOrigins } from './rolling.ts'

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

it('errorOf() by another measure', () => {
  const square = { cost: (a: number, f: number) => (f - a) ** 2, slope: () => 0 }
  const track = { origins: [1], forecasts: [Float64Array.of(2, 5)] }
  assert.equal(errorOf(Float64Array.of(0, 1, 2), track, square), 5)
})
