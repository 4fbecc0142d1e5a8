import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Tier } from '../tier.ts'
import { settledTier } from './settled-tier.ts'

it('settledTier() goes up at once and down a digit later', () => {
  const thresholds = { tier2: 3, tier3: 5 }
  let tier: Tier = 1
  const seen = [2.9, 3, 2.1, 1.9, 5, 4.1, 3.9, 2.5, 1.9, 9, 0].map((score) => {
    tier = settledTier(tier, score, thresholds)
    return tier
  })
  assert.deepEqual(seen, [1, 2, 2, 1, 3, 3, 2, 2, 1, 3, 1])
})
