/**
 * A tier that does not flutter: up as soon as the score reaches a threshold, down only when it is well below (a Schmitt
 * trigger).
 *
 * @module
 */
import { type Tier, type TierThresholds, tierOf } from '../tier.ts'

/** Three usual observations. */
export const HYSTERESIS_DIGITS = 1

export function settledTier(before: Tier, score: number, thresholds: TierThresholds): Tier {
  const up = tierOf(score, thresholds)
  if (up >= before) return up
  const down = tierOf(score + HYSTERESIS_DIGITS, thresholds)
  return down < before ? down : before
}
