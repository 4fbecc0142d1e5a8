import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawNormal, seededFraction } from '../../math/seeded-chance.ts'
import { PAUSES, QUICK_PAUSES, quickDigits, syntheticDigits } from './synthetic-typing.ts'

/** The middle of 101 windows. */
const usual = (draw: (fraction: () => number) => number): number => {
  const fraction = seededFraction(17)
  const digits = Array.from({ length: 101 }, () =>
    syntheticDigits(Array.from({ length: PAUSES }, () => draw(fraction))),
  ).sort((a, b) => a - b)
  return digits[50] ?? Number.NaN
}

describe('syntheticDigits()', () => {
  it('finds pauses that are alike, uniform or normal', () => {
    assert.equal(
      usual(() => 0.1),
      6,
    )
    assert.equal(
      usual((fraction) => 0.12 + 0.005 * drawNormal(fraction)),
      6,
    )
    assert.equal(
      usual((fraction) => 0.05 + 0.1 * fraction()),
      2.5,
    )
    assert.ok(usual((fraction) => Math.max(0.01, 0.15 + 0.05 * drawNormal(fraction))) > 2)
  })

  it('finds nothing in a long tail, in little, or in nothing', () => {
    assert.equal(
      usual((fraction) => 0.15 * Math.exp(0.4 * drawNormal(fraction))),
      0,
    )
    assert.equal(syntheticDigits(Array.from({ length: PAUSES - 1 }, () => 0.1)), 0)
    assert.equal(syntheticDigits(Array.from({ length: PAUSES }, () => Number.NaN)), 0)
  })
})

describe('quickDigits()', () => {
  const fraction = seededFraction(3)
  const pauses = (draw: () => number, count = QUICK_PAUSES): number[] =>
    Array.from({ length: count }, draw)

  it('finds keys that come faster than a hand can type, with and without noise', () => {
    assert.equal(quickDigits(pauses(() => 0)), 3.5)
    assert.equal(quickDigits(pauses(() => 0.001 + 0.019 * fraction())), 3.5)
  })

  it('finds nothing in the fastest of people, or in little', () => {
    assert.equal(quickDigits(pauses(() => 0.045 * Math.exp(0.5 * drawNormal(fraction)))), 0)
    assert.equal(quickDigits(pauses(() => 0, QUICK_PAUSES - 1)), 0)
  })
})
