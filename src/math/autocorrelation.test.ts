import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { autocorrelations, hasSeason } from './autocorrelation.ts'

it('autocorrelations() by hand: 1, 2, 3, 4', () => {
  // Centred -1.5, -0.5, 0.5, 1.5: squares 5; lag 1: 0.75 - 0.25 + 0.75 = 1.25; lag 2: -0.75 - 0.75 = -1.5.
  assert.deepEqual([...autocorrelations(Float64Array.of(1, 2, 3, 4), 2)], [1, 0.25, -0.3])
})

it('autocorrelations() of a constant, whatever its size, are zero', () => {
  assert.deepEqual([...autocorrelations(new Float64Array(50).fill(0.1), 2)], [1, 0, 0])
})

it('hasSeason() sees a day in noise, none in noise alone, and asks for three seasons', () => {
  const random = seededRandom(3)
  const noise = Float64Array.from({ length: 240 }, () => random.fraction())
  const daily = noise.map((value, t) => value + Math.sin((2 * Math.PI * t) / 24))
  assert.equal(hasSeason(daily, 24), true)
  assert.equal(hasSeason(noise, 24), false)
  assert.equal(hasSeason(daily.slice(0, 71), 24), false)
  assert.equal(hasSeason(daily, 1), false)
})
