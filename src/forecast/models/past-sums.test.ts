import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { appendTo, meanLog, pastSumsOf } from './past-sums.ts'

const step = fc.oneof(fc.nat(1000), fc.constant(Number.NaN), fc.constant(-1), fc.constant(1e13))

test('meanLog() is the logarithm of the mean of what is known, over any stretch', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: -5, max: 70 }),
      fc.integer({ min: -5, max: 70 }),
      (history, from, to) => {
        const past = pastSumsOf(Float64Array.from(history), 64)
        const known = history
          .filter((_, t) => t >= from && t < to)
          .filter((value) => value >= 0 && value <= 1e12)
        const mean = known.reduce((sum, value) => sum + value, 0) / known.length
        assert.equal(meanLog(past, from, to), Math.log1p(mean))
      },
    ),
    { seed: 20_261_121, numRuns: 500 },
  )
})

test('appendTo() goes on where the history ended', () => {
  const past = pastSumsOf(Float64Array.of(1, 2, 3), 20)
  for (let value = 4; value <= 20; value++) appendTo(past, value)
  assert.equal(past.length, 20)
  assert.equal(meanLog(past, 0, 20), Math.log1p(10.5))
  assert.equal(meanLog(past, 7, 17), Math.log1p(12.5))
})
