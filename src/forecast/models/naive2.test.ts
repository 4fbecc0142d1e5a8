import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { naive2, seasonFactors } from './naive2.ts'

const FACTORS = [0.5, 1, 1.5, 1]
const frame = { stepS: 60, startS: 0, seasons: [4] }

it('seasonFactors() of a level times a season are that season', () => {
  const values = Float64Array.from({ length: 20 }, (_, t) => 8 * (FACTORS[t % 4] ?? 0))
  const found = seasonFactors(values, 4) ?? []
  for (const [i, factor] of found.entries()) assert.ok(Math.abs(factor - (FACTORS[i] ?? 0)) < 1e-12)
})

it('seasonFactors() by hand, an odd season: ratios to the mean of three', () => {
  // Means of 1 2 3 4 5 6 around 2, 3, 4, 5 are themselves: every ratio is one.
  assert.deepEqual([...(seasonFactors(Float64Array.of(1, 2, 3, 4, 5, 6), 3) ?? [])], [1, 1, 1])
})

it('seasonFactors() refuses what is not positive', () => {
  assert.equal(seasonFactors(new Float64Array(20), 4), null)
  assert.equal(
    seasonFactors(
      Float64Array.from({ length: 20 }, (_, t) => (t % 4) - 1),
      4,
    ),
    null,
  )
})

it('a season that shows is carried on from the last level', () => {
  const values = Float64Array.from({ length: 21 }, (_, t) =>
    t === 20 ? 8 : 8 * (FACTORS[t % 4] ?? 0),
  )
  const [a = 0, b = 0, c = 0, d = 0] = naive2.forecast(naive2.fit(values, frame), 4)
  // The last value is twice what its phase lets expect: so are the next ones, nearly (it is in the factors a little).
  assert.ok(a > 12 && b > 18 && c > 12 && d === 8)
})

it('without a season it is the last value', () => {
  const random = seededRandom(2)
  const noise = Float64Array.from({ length: 40 }, () => random.fraction())
  assert.deepEqual([...naive2.forecast(naive2.fit(noise, frame), 2)], [noise[39], noise[39]])
})
