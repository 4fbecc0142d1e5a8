import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  BLOCK,
  clampToRange,
  startSeenRange,
  widenRange,
  widthOf,
  widthsBeyond,
} from './seen-range.ts'

describe('a seen range', () => {
  it('has no width at first, and then nothing is beyond it', () => {
    const range = startSeenRange()
    assert.equal(widthOf(range), 0)
    assert.equal(widthsBeyond(range, 5), 0)
    widenRange(range, 4)
    assert.equal(widthOf(range), 0)
    assert.equal(clampToRange(range, 1e9), 1e9)
  })

  it('measures what is outside in its own widths, and clamps it to one', () => {
    const range = startSeenRange()
    widenRange(range, -10)
    widenRange(range, 10)
    assert.deepEqual(
      [-15, -10, 0, 10, 50].map((value) => widthsBeyond(range, value)),
      [0.25, 0, 0, 0, 2],
    )
    assert.deepEqual(
      [-1000, -25, 3, 1000].map((value) => clampToRange(range, value)),
      [-30, -25, 3, 30],
    )
  })

  it('forgets an extreme after one to two blocks', () => {
    const range = startSeenRange()
    widenRange(range, 100)
    for (let i = 1; i < 2 * BLOCK; i++) widenRange(range, i % 2)
    assert.equal(widthOf(range), 100)
    widenRange(range, 1)
    assert.equal(widthOf(range), 1)
  })
})
