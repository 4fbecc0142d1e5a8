import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { addToMoments, fadedSince, type Moments } from './fading.ts'

it('fadedSince() halves per half-life, and never grows when the clock steps back', () => {
  assert.deepEqual(
    [0, 10, 30, -50].map((now) => fadedSince(0, now, 10)),
    [1, 0.5, 0.125, 1],
  )
})

it('addToMoments() keeping all is the mean and variance of the textbook', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), (values) => {
      const moments: Moments = { weight: 0, mean: 0, variance: 0 }
      for (const value of values) addToMoments(moments, value, 1)
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
      assert.ok(Math.abs(moments.mean - mean) < 1e-6)
      assert.ok(Math.abs(moments.variance - variance) < 1e-6 * Math.max(1, variance))
      assert.equal(moments.weight, values.length)
    }),
    { seed: 20261122 },
  )
})

it('addToMoments() forgets: the mean follows', () => {
  const moments: Moments = { weight: 0, mean: 0, variance: 0 }
  for (let i = 0; i < 100; i++) addToMoments(moments, 0, 0.9)
  for (let i = 0; i < 60; i++) addToMoments(moments, 1, 0.9)
  assert.ok(moments.mean > 0.99 && moments.weight < 10)
})
