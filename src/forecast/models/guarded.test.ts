import assert from 'node:assert/strict'
import { it } from 'node:test'
import { bounded, bridgeGaps, rangeOf } from './guarded.ts'

const NO = Number.NaN

it('bridgeGaps(): a short gap is a line, a long one the season before, never zero', () => {
  assert.deepEqual([...bridgeGaps(Float64Array.of(NO, 1, NO, 3), 0)], [1, 2, 3])
  assert.deepEqual(
    [...bridgeGaps(Float64Array.of(1, 9, 5, 7, NO, NO, 5, 7), 4)],
    [1, 9, 5, 7, 1, 9, 5, 7],
  )
  assert.deepEqual([...bridgeGaps(Float64Array.of(1, 9, NO, NO), 0)], [1, 9, 9, 9])
  assert.deepEqual([...bridgeGaps(Float64Array.of(NO, NO), 4)], [])
  assert.deepEqual([...bridgeGaps(Float64Array.of(2, Number.POSITIVE_INFINITY, 4), 0)], [2, 3, 4])
})

it('bounded() allows one width beyond what was seen, nothing below zero where nothing ever was', () => {
  const range = rangeOf(Float64Array.of(4, 10, 6))
  assert.deepEqual([...bounded(Float64Array.of(-5, 99, NO, 8), range)], [0, 16, 6, 8])
  assert.deepEqual([...bounded(Float64Array.of(-5), rangeOf(Float64Array.of(-1, 2)))], [-4])
})
