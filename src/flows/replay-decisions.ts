/**
 * What another policy would have done with decisions made before: who would be in another tier, or treated otherwise, and
 * why. Out of the decisions alone: their reasons say which detector found what and how much it weighed, so the same policy
 * gives the same tiers, and the same input always the same answer. What it cannot show: how clients would have been
 * learned about, had the policy been another. Decisions on sessions, by behavior, are left out: their policy is another.
 *
 * @module
 */
import type { Decision, Reason } from '../behavior/decision.ts'
import { type EnforcementPolicy, enforcedTier, scoreOf } from '../behavior/handshake/evidence.ts'
import { type Tier, tierOf } from '../behavior/tier.ts'

export interface ReplayedDecision {
  readonly id: string
  readonly subject: string
  readonly at: number
  readonly profile: string
  readonly tierWas: Tier
  readonly tierWould: Tier
  readonly enforcedWas: Tier
  readonly enforcedWould: Tier
  /** What weighs, the heaviest first. */
  readonly reasons: readonly Reason[]
}

export interface Replay {
  readonly decisions: number
  /** In the order of the decisions. */
  readonly changed: readonly ReplayedDecision[]
  /** Profiles among them. */
  readonly profilesChanged: number
}

export function replayDecisions(decisions: readonly Decision[], policy: EnforcementPolicy): Replay {
  const changed: ReplayedDecision[] = []
  const connections = decisions.filter(({ person }) => person === undefined)
  for (const decision of connections) {
    const tierWould = tierOf(scoreOf(decision.reasons), policy)
    const enforcedWould = enforcedTier(decision.reasons, policy)
    if (tierWould === decision.tier && enforcedWould === decision.enforced) continue
    changed.push({
      id: decision.id,
      subject: decision.subject,
      at: decision.at,
      profile: decision.profile ?? '',
      tierWas: decision.tier,
      tierWould,
      enforcedWas: decision.enforced,
      enforcedWould,
      reasons: decision.reasons
        .filter(({ weight }) => weight > 0)
        .sort((a, b) => b.weight - a.weight),
    })
  }
  const profiles = new Set(changed.map(({ profile }) => profile).filter((id) => id !== ''))
  return { decisions: connections.length, changed, profilesChanged: profiles.size }
}
