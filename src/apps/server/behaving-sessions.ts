/**
 * Sessions under keys (LSK/1) whose behavior is in tier 2 or 3: servers are told in the assertion, and whose tier has risen
 * loses its key once.
 *
 * @module
 */
import type { SessionTier } from '../../ports/data-plane.ts'

/** As many as the edge keeps (`adapters/edge/behavior-sessions.ts`). */
const SESSIONS_MAX = 100_000

export class BehavingSessions {
  readonly #tiers = new Map<string, number>()
  /** Risen, and not shown since. */
  readonly #raised = new Map<string, number>()

  hear(tiers: readonly SessionTier[]): void {
    for (const { session, enforced } of tiers) {
      const before = this.tierOf(session)
      this.#tiers.delete(session)
      if (enforced > 1) keep(this.#tiers, session, enforced)
      if (enforced > before) keep(this.#raised, session, enforced)
    }
  }

  /** 1 of a session nobody has spoken of. */
  tierOf(session: string): number {
    return this.#tiers.size === 0 ? 1 : (this.#tiers.get(session) ?? 1)
  }

  /** The tier it has risen to since it was asked last; 1 when it has not. */
  takeRaised(session: string): number {
    if (this.#raised.size === 0) return 1
    const tier = this.#raised.get(session) ?? 1
    this.#raised.delete(session)
    return tier
  }
}

function keep(map: Map<string, number>, session: string, tier: number): void {
  if (map.size >= SESSIONS_MAX) map.delete(map.keys().next().value ?? '')
  map.set(session, tier)
}
