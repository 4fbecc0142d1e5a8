/**
 * Tiers: which resources a subject meets. Score -> tier by two thresholds (seed 9900350, section 3).
 *
 * @module
 */

/** 1 ordinary resources, 2 stricter ones, 3 isolated ones. */
export type Tier = 1 | 2 | 3

/** Scores from which a tier begins; `tier2` must not exceed `tier3`. */
export interface TierThresholds {
  readonly tier2: number
  readonly tier3: number
}

export function tierOf(score: number, thresholds: TierThresholds): Tier {
  if (score >= thresholds.tier3) return 3
  return score >= thresholds.tier2 ? 2 : 1
}
