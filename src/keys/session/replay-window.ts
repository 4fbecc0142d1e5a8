/**
 * "Was this proof used before?" within the time a proof is good for (LSK/1, replay scope `edge`): two sets that take
 * turns, so that forgetting costs nothing. Exact within one edge; scopes over several edges ask others
 * besides.
 *
 * @module
 */

/** A proof may be this old, and this far ahead, in seconds (RFC 9421 `created`). */
export const PROOF_AGE_S = 30
export const PROOF_AHEAD_S = 5
/** A set is kept as long again as a proof in it may still be good: no hole when the sets turn. */
const TURN_S = PROOF_AGE_S + PROOF_AHEAD_S

export class ReplayWindow {
  #current = new Set<string>()
  #previous = new Set<string>()
  #turnedAt = 0
  readonly #proofsMax: number

  /** @param proofsMax proofs remembered per turn; when there are more, further ones are refused */
  constructor(proofsMax: number) {
    this.#proofsMax = proofsMax
  }

  /**
   * Remembers a proof. `replay` when it was here before; `full` when it cannot be told, because more proofs came
   * than can be remembered.
   *
   * @param now seconds; a clock that steps back keeps what is remembered
   */
  meet(proof: string, now: number): 'fresh' | 'replay' | 'full' {
    const age = now - this.#turnedAt
    if (age >= TURN_S) {
      this.#previous = age >= 2 * TURN_S ? new Set() : this.#current
      this.#current = new Set()
      this.#turnedAt = now
    }
    if (this.#previous.has(proof)) return 'replay'
    const { size } = this.#current
    if (size >= this.#proofsMax) return this.#current.has(proof) ? 'replay' : 'full'
    // Looked up once: a proof that was there adds nothing.
    return this.#current.add(proof).size === size ? 'replay' : 'fresh'
  }
}
