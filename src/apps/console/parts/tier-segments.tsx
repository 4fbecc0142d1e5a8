/**
 * One tier, or all of them, of what a page shows.
 *
 * @module
 */
import type { Tier } from '../../../behavior/tier.ts'
import { Segments } from './segments.tsx'

/** 0: all. */
export type TierChoice = Tier | 0

const TIERS = [
  { value: 0, label: 'All' },
  { value: 1, label: 'Tier 1' },
  { value: 2, label: 'Tier 2' },
  { value: 3, label: 'Tier 3' },
] as const

export function TierSegments(props: {
  readonly chosen: TierChoice
  onChoose(tier: TierChoice): void
}) {
  return <Segments<TierChoice> legend="Tier" name="tier" segments={TIERS} {...props} />
}
