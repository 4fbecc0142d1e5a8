import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  addHistogram,
  BUCKETS,
  countIn,
  growthOf,
  type LogHistogram,
  logHistogram,
  quantileIn,
} from './log-histogram.ts'

const of = (...values: readonly number[]): LogHistogram => {
  const histogram = logHistogram()
  for (const value of values) countIn(histogram, value)
  return histogram
}

describe('quantileIn()', () => {
  it('is within a bucket, a fifth, of the quantile of the values themselves', () => {
    const values = fc.array(fc.double({ min: 0.3, max: 60_000, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(values, fc.constantFrom(0.5, 0.9, 0.99), (all, share) => {
        const sorted = [...all].sort((a, b) => a - b)
        const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
        const ratio = quantileIn(of(...all), share) / exact
        assert.ok(ratio > 2 ** -0.2501 && ratio < 2 ** 0.2501, `${ratio}`)
      }),
      { seed: 20261122 },
    )
  })

  it('is the least below it, the most above it, and of nothing none', () => {
    assert.equal(quantileIn(of(0, -1, 0.1), 0.99), 0.25)
    const most = of(1e9, Number.POSITIVE_INFINITY)
    assert.equal(most[BUCKETS - 1], 2)
    assert.ok(quantileIn(most, 0.99) >= 65_536)
    assert.ok(Number.isNaN(quantileIn(logHistogram(), 0.99)))
  })

  it('the 99th of a thousand is set by the slowest ten', () => {
    const fast = Array.from({ length: 989 }, () => 5)
    const slow = Array.from({ length: 11 }, () => 320)
    const p99 = quantileIn(of(...fast, ...slow), 0.99)
    assert.ok(p99 > 260 && p99 < 390, `${p99}`)
    assert.ok(quantileIn(of(...fast, ...slow.slice(2)), 0.99) < 7)
  })
})

describe('growthOf()', () => {
  it('is what was counted in between; of counts that fell, all of them', () => {
    const before = of(1, 2, 3)
    const after = of(1, 2, 3, 4, 4)
    assert.deepEqual(growthOf(before, after), of(4, 4))
    assert.deepEqual(growthOf(undefined, after), after)
    assert.deepEqual(growthOf(after, before), before)
  })
})

it('addHistogram() sums, and takes what is shorter for what it is', () => {
  const sum = of(1, 2)
  addHistogram(sum, of(2, 3))
  assert.deepEqual(sum, of(1, 2, 2, 3))
  addHistogram(sum, new Uint32Array(0))
  assert.deepEqual(sum, of(1, 2, 2, 3))
})
