/**
 * A tier, by number, shape of words and color: never by color alone.
 *
 * @module
 */
import type { Tier } from '../../../behavior/tier.ts'
import { formatScore } from '../format.ts'

const MEANINGS: Readonly<Record<Tier, string>> = { 1: 'ordinary', 2: 'stricter', 3: 'isolated' }

export function tierMeaning(tier: Tier): string {
  return MEANINGS[tier]
}

export function TierBadge(props: { readonly tier: Tier; readonly score?: number }) {
  const { tier, score } = props
  return (
    <span class="tier-and-score">
      <span class={`tier tier-${tier}`} title={`Tier ${tier}, ${MEANINGS[tier]}`}>
        <span class="hidden">Tier </span>
        {tier}
      </span>
      {score !== undefined && <span class="number">{formatScore(score)}</span>}
    </span>
  )
}
