/**
 * Sessions whose client looked worse to another worker than when their ticket was sealed: whoever shows them, their key is to
 * go. Good for the tickets there were then: the next one has been asked for because of it.
 *
 * @module
 */

/** A session, and what tier its client was seen in. */
export interface Suspicion {
  /** base64url. */
  readonly session: string
  /** Of the ticket that was shown, and those before. */
  readonly generation: number
  readonly tier: number
}

/** The oldest give way: a ticket is good for a quarter of an hour, and a crowd of suspects is a flood. */
const SUSPICIONS_MAX = 10_000

export class Suspicions {
  readonly #bySession = new Map<string, Suspicion>()

  /** @returns whether it says more than was known */
  add(suspicion: Suspicion): boolean {
    const { session, generation, tier } = suspicion
    if (this.tierOf(session, generation) >= tier) return false
    this.#bySession.delete(session)
    if (this.#bySession.size >= SUSPICIONS_MAX) {
      this.#bySession.delete(this.#bySession.keys().next().value ?? '')
    }
    this.#bySession.set(session, suspicion)
    return true
  }

  /** 1 of a session that nobody suspects. */
  tierOf(session: string, generation: number): number {
    if (this.#bySession.size === 0) return 1
    const known = this.#bySession.get(session)
    return known === undefined || generation > known.generation ? 1 : known.tier
  }
}
