/**
 * How many requests may be made twice: a part of all, so that nodes which are slow because they have too much to do do not get still more (Dean
 * and Barroso 2013, "The Tail at Scale": a cap of 5 % costs little of the gain).
 *
 * @module
 */

/** Of all requests. */
const SHARE = 0.05
/** Saved up: a node that stands still is found out by fewer. */
const TOKENS_MAX = 30

export class HedgeBudget {
  #tokens = TOKENS_MAX

  /** A request is made. */
  earn(): void {
    this.#tokens = Math.min(TOKENS_MAX, this.#tokens + SHARE)
  }

  /** Whether so many more may be made. */
  spend(requests: number): boolean {
    if (this.#tokens < requests) return false
    this.#tokens -= requests
    return true
  }
}
