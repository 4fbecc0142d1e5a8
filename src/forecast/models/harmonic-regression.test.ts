import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { harmonicRegression } from './harmonic-regression.ts'

const frame = { stepS: 3600, startS: 0, seasons: [24, 168] }
const shape = (t: number) =>
  100 * Math.exp(0.5 * Math.sin((2 * Math.PI * t) / 24) + 0.2 * Math.cos((4 * Math.PI * t) / 168))

it('waves of two seasons go on', () => {
  const values = Float64Array.from({ length: 504 }, (_, t) => shape(t))
  const forecast = harmonicRegression.forecast(harmonicRegression.fit(values, frame), 48)
  for (const [h, value] of forecast.entries())
    assert.ok(Math.abs(value / shape(504 + h) - 1) < 0.01)
})

it('a departure fades as the residuals of the past did', () => {
  const random = seededRandom(7)
  let residual = 0
  const values = Float64Array.from({ length: 1200 }, (_, t) => {
    residual = 0.7 * residual + 0.2 * (random.fraction() - 0.5)
    return shape(t) * Math.exp(residual)
  })
  const state = harmonicRegression.fit(values, frame)
  const calm = harmonicRegression.forecast(state, 4)
  harmonicRegression.update(state, 1.5 * (calm[0] ?? 0))
  const after = harmonicRegression.forecast(state, 3)
  const ratio = Math.log((after[0] ?? 1) / (calm[1] ?? 1)) / Math.log(1.5)
  assert.ok(Math.abs(ratio - 0.7) < 0.1, `${ratio}`)
})
