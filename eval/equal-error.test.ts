import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { areaUnderCurve, equalErrorRate } from './equal-error.ts'

describe('equalErrorRate()', () => {
  it('by hand', () => {
    assert.equal(equalErrorRate([1, 2, 3], [4, 5, 6]), 0)
    assert.ok(equalErrorRate([4, 5, 6], [1, 2, 3]) > 1 - 1e-9)
    // At 4 one of four of the own is refused and one of four others let in.
    assert.equal(equalErrorRate([1, 2, 3, 5], [4, 6, 7, 8]), 0.25)
    // At 2 half the own are refused and no other let in; at 3 both others: 0.5 -> 0.5, 0 -> 1 meet at a half.
    assert.equal(equalErrorRate([1, 4], [3, 3]), 0.5)
  })

  it('is a rate, and the same whatever the unit', () => {
    const scores = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(scores, scores, (own, others) => {
        const rate = equalErrorRate(own, others)
        assert.ok(rate >= 0 && rate <= 1)
        const scaled = (list: number[]) => list.map((score) => 3 * score - 7)
        assert.equal(equalErrorRate(scaled(own), scaled(others)), rate)
      }),
      { seed: 20261122 },
    )
  })
})

describe('areaUnderCurve()', () => {
  it('is the share of pairs in order, ties half: against the plain count', () => {
    assert.equal(areaUnderCurve([1, 2], [2, 3]), 3.5 / 4)
    const scores = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(scores, scores, (own, others) => {
        const pairs = own.flatMap((a) => others.map((b) => (b > a ? 1 : b === a ? 0.5 : 0)))
        const wanted = pairs.reduce<number>((sum, pair) => sum + pair, 0) / pairs.length
        assert.ok(Math.abs(areaUnderCurve(own, others) - wanted) < 1e-12)
      }),
      { seed: 20261122 },
    )
  })
})
