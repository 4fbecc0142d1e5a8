import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { ets } from './ets.ts'

const plain = { stepS: 60, startS: 0, seasons: [] }
const seasonal = { stepS: 60, startS: 0, seasons: [6] }
const shape = (t: number) => [3, 1, -2, -4, -1, 3][t % 6] ?? 0

it('a line goes on exactly', () => {
  const line = Float64Array.from({ length: 40 }, (_, t) => 5 + 2 * t)
  const forecast = ets.forecast(ets.fit(line, plain), 10)
  for (const [h, value] of forecast.entries()) assert.ok(Math.abs(value - (85 + 2 * h)) < 1e-6)
})

it('simple smoothing: the rate of a simulated process is found again', () => {
  const random = seededRandom(8)
  let level = 100
  const values = Float64Array.from({ length: 4000 }, () => {
    const shock = random.fraction() + random.fraction() + random.fraction() - 1.5
    const value = level + shock
    level += 0.3 * shock
    return value
  })
  const { inner } = ets.fit(values, plain)
  assert.equal(inner?.season, 'none')
  assert.ok(Math.abs((inner?.rates.level ?? 0) - 0.3) < 0.08, `${inner?.rates.level}`)
})

it('chooses a season that is added, or one that multiplies, as the series was made', () => {
  const random = seededRandom(4)
  const noise = () => 0.2 * (random.fraction() - 0.5)
  const added = Float64Array.from({ length: 120 }, (_, t) => 20 + t + shape(t) + noise())
  const multiplied = added.map((_, t) => (20 + t) * (1 + shape(t) / 10) + noise())
  assert.equal(ets.fit(added, seasonal).inner?.season, 'added')
  assert.equal(ets.fit(multiplied, seasonal).inner?.season, 'multiplied')
  for (const [h, value] of ets.forecast(ets.fit(multiplied, seasonal), 6).entries()) {
    assert.ok(Math.abs(value / ((140 + h) * (1 + shape(h) / 10)) - 1) < 0.01)
  }
})
