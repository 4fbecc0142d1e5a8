import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { quantilesOf, shareBelow, sortedColumn } from './quantile-share.ts'

describe('shareBelow()', () => {
  const quantiles = quantilesOf(Float64Array.from({ length: 101 }, (_, i) => i))

  it('is the share of the distribution below a value, between knots too', () => {
    for (const value of [0.5, 25, 50.25, 99.5]) {
      assert.ok(Math.abs(shareBelow(quantiles, value) - value / 100) < 1e-9, `${value}`)
    }
    assert.deepEqual([shareBelow(quantiles, -1), shareBelow(quantiles, 101)], [0, 1])
  })

  it('counts half of what equals it', () => {
    assert.equal(shareBelow(quantilesOf(Float64Array.of(3, 3, 3)), 3), 0.5)
  })
})

describe('sortedColumn()', () => {
  it('is ascending, without what is missing', () => {
    const rows = [Float64Array.of(2), Float64Array.of(Number.NaN), Float64Array.of(1)]
    assert.deepEqual(sortedColumn(rows, 0), Float64Array.of(1, 2))
    assert.equal(quantilesOf(sortedColumn(rows, 1)).length, 0)
  })
})
