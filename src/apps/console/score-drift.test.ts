import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scoreDrift, signed } from './score-drift.ts'

test('scoreDrift() is the later half over the earlier', () => {
  assert.equal(scoreDrift([1, 1, 1, 1, 3, 3, 3, 3]), 2)
  assert.equal(scoreDrift([1, 2, 3, 9, 1, 2, 3, 0]), -1)
  // One session that was somebody else's is no drift.
  assert.equal(scoreDrift([1, 1, 1, 1, 1, 1, 1, 1, 9]), 0)
})

test('signed() says which way', () => {
  assert.deepEqual([0.25, 0, -1.5].map(signed), ['+0.25', '0.00', '-1.50'])
})

test('scoreDrift() says nothing of a few', () => {
  assert.equal(scoreDrift([]), undefined)
  assert.equal(scoreDrift([1, 2, 3, 4, 5, 6, 7]), undefined)
})
