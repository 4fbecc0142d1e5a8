/**
 * Which decisions of the live list a person wants to see, and how the list stays bounded and in order.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import type { Tier } from '../../behavior/tier.ts'

export interface DecisionFilter {
  /** Words that must all occur, in any case. '' for no such wish. */
  readonly words: string
  readonly tier: Tier | undefined
}

/** Newest decisions kept on the page; older ones stay in the log on the server. */
export const DECISIONS_MAX = 1000

export function matchesFilter(decision: Decision, filter: DecisionFilter): boolean {
  if (filter.tier !== undefined && decision.tier !== filter.tier) return false
  const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const haystack = searchText(decision)
  return words.every((word) => haystack.includes(word))
}

function searchText(decision: Decision): string {
  const { handshake } = decision
  return [
    decision.id,
    decision.subject,
    decision.listener,
    ...decision.reasons.map((reason) => reason.code),
    ...(handshake === undefined
      ? []
      : [handshake.ja4, handshake.sni, handshake.client, ...handshake.alpn]),
  ]
    .join(' ')
    .toLowerCase()
}

/** Both lists as one, newest first (ids sort by time), each id once, at most `max`. */
export function mergeDecisions(
  known: readonly Decision[],
  more: readonly Decision[],
  max = DECISIONS_MAX,
): readonly Decision[] {
  const byId = new Map<string, Decision>()
  for (const decision of [...known, ...more]) byId.set(decision.id, decision)
  return [...byId.values()].sort((one, other) => (one.id < other.id ? 1 : -1)).slice(0, max)
}
