import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { median, weightedQuantile } from './weighted-quantile.ts'

describe('weightedQuantile()', () => {
  it('by hand: of 1, 2, 10 with weights 1, 1, 2 half the weight is reached at 2, more at 10', () => {
    const [values, weights] = [Float64Array.of(10, 1, 2), Float64Array.of(2, 1, 1)]
    assert.equal(weightedQuantile(values, weights, 0.5), 2)
    assert.equal(weightedQuantile(values, weights, 0.51), 10)
    assert.equal(weightedQuantile(values, weights, 0), 1)
    assert.equal(weightedQuantile(values, weights, 1), 10)
  })

  it('leaves out what is missing and what weighs nothing', () => {
    assert.equal(
      weightedQuantile(Float64Array.of(Number.NaN, 3, 9), Float64Array.of(9, 1, 0), 1),
      3,
    )
    assert.ok(Number.isNaN(weightedQuantile(Float64Array.of(1), Float64Array.of(0), 0.5)))
  })

  it('is what sorting and adding up gives', () => {
    const cell = fc.record({
      // Few different values, so that there are ties; weights are whole, so that sums are exact.
      value: fc.oneof(fc.constant(Number.NaN), fc.integer({ min: -5, max: 5 })),
      weight: fc.integer({ min: 0, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 60 }), fc.integer({ min: 0, max: 8 }), (cells, n) => {
        const known = cells.filter(({ value, weight }) => !Number.isNaN(value) && weight > 0)
        known.sort((a, b) => a.value - b.value)
        const total = known.reduce((sum, { weight }) => sum + weight, 0)
        let below = 0
        const wanted = known.find(({ weight }) => {
          below += weight
          return below >= (n / 8) * total
        })
        const got = weightedQuantile(
          Float64Array.from(cells, ({ value }) => value),
          Float64Array.from(cells, ({ weight }) => weight),
          n / 8,
        )
        assert.deepEqual(got, wanted?.value ?? Number.NaN)
      }),
      { seed: 20261122, numRuns: 500 },
    )
  })
})

it('median() is the upper one, of what is known', () => {
  assert.equal(median([4, 1, Number.NaN, 3, 2]), 3)
  assert.ok(Number.isNaN(median([])))
})
