import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { highestTier } from './route-pool.ts'

describe('highestTier', () => {
  it('is that of the session or of its connection', () => {
    assert.equal(highestTier(1, undefined), 1)
    assert.equal(highestTier(2, undefined), 2)
    assert.equal(highestTier(1, { tier: 3 }), 3)
    assert.equal(highestTier(3, { tier: 2 }), 3)
  })
})
