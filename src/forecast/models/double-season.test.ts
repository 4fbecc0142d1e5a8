import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { doubleSeason } from './double-season.ts'

const frame = { stepS: 3600, startS: 0, seasons: [4, 12] }
const shape = (t: number) =>
  Math.exp(([0.5, 0, -0.5, 0][t % 4] ?? 0) + ([0.3, -0.3, 0][Math.floor(t / 4) % 3] ?? 0))

it('seasons that multiply go on: both, or the shorter alone', () => {
  const both = Float64Array.from({ length: 120 }, (_, t) => 50 * shape(t))
  const forecast = doubleSeason(2).forecast(doubleSeason(2).fit(both, frame), 12)
  for (const [h, value] of forecast.entries())
    assert.ok(Math.abs(value / (50 * shape(h)) - 1) < 0.02, `${h} ${value}`)
  const short = both.map((_, t) => 50 + 10 * (t % 4))
  const model = doubleSeason(1)
  for (const [h, value] of model.forecast(model.fit(short, frame), 8).entries()) {
    assert.ok(Math.abs(value / (50 + 10 * (h % 4)) - 1) < 0.01)
  }
})

it('the first autocorrelation of the residuals is found, and fades by itself at each step', () => {
  const random = seededRandom(6)
  let residual = 0
  const values = Float64Array.from({ length: 2000 }, (_, t) => {
    residual = 0.8 * residual + 0.1 * (random.fraction() - 0.5)
    return 50 * shape(t) * Math.exp(residual)
  })
  const { inner } = doubleSeason(2).fit(values, frame)
  assert.ok(inner !== null)
  // The tables, still learning, take up some of it.
  assert.ok(Math.abs(inner.rates.carry - 0.8) < 0.15, `${inner.rates.carry}`)
  assert.ok(inner.rates.level < 0.05)
})
