/**
 * What a caller knows of one custody node: how long it takes, whether it is there, whether it has lied. From these: whom to ask, and when to ask
 * another one, too.
 *
 * @module
 */

/** Latest latencies that count, of one operation. */
const WINDOW = 64
/** LCU/1: the next holder is asked when this share of answers would have come. */
const HEDGE_QUANTILE = 0.95
/** Before anything is measured: a slow round trip with the work for it. */
const HEDGE_MS_FIRST = 50
/** A busy event loop of ours is not a slow node. */
const HEDGE_MS_MIN = 2
/** After the first failure; doubled with each in turn. */
const AWAY_MS_MIN = 250
const AWAY_MS_MAX = 10_000
/** A node that is healthy and busy has answered by then. */
const STILL_MS = 500
/** LCU/1: who lies is not asked for so long. */
const LIAR_MS = 60_000

interface Latencies {
  readonly latest: number[]
  at: number
  hedgeMs: number
}

export class NodeHealth {
  readonly #now: () => number
  readonly #latencies = new Map<string, Latencies>()
  readonly #open = new Set<{ readonly at: number }>()
  readonly #answers = new Map<string, number>()
  #failures = 0
  #unanswered = 0
  #awayUntil = Number.NEGATIVE_INFINITY
  #excludedUntil = Number.NEGATIVE_INFINITY

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** A request is on its way; to be called with what comes of it. */
  asked(): () => void {
    const begun = { at: this.#now() }
    this.#open.add(begun)
    return () => this.#open.delete(begun)
  }

  answered(operation: string, ms: number): void {
    this.#answers.set(operation, (this.#answers.get(operation) ?? 0) + 1)
    this.#failures = 0
    this.#awayUntil = Number.NEGATIVE_INFINITY
    let known = this.#latencies.get(operation)
    if (known === undefined) {
      known = { latest: [], at: 0, hedgeMs: HEDGE_MS_FIRST }
      this.#latencies.set(operation, known)
    }
    known.latest[known.at++ % WINDOW] = ms
    // Sorting now and then is enough.
    if (known.at % 16 !== 0) return
    const sorted = known.latest.toSorted((a, b) => a - b)
    const p95 = sorted[Math.floor(HEDGE_QUANTILE * (sorted.length - 1))] ?? HEDGE_MS_FIRST
    known.hedgeMs = Math.max(HEDGE_MS_MIN, p95)
  }

  /** Could not be reached, or did not answer in time. */
  failed(): void {
    this.#unanswered++
    const ms = Math.min(AWAY_MS_MAX, AWAY_MS_MIN * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 16)
    this.#awayUntil = this.#now() + ms
  }

  /** Its part of a result was wrong. */
  lied(): void {
    this.#excludedUntil = this.#now() + LIAR_MS
  }

  /** What it has answered, by operation, and what it has not. */
  get counts(): { readonly answers: ReadonlyMap<string, number>; readonly unanswered: number } {
    return { answers: this.#answers, unanswered: this.#unanswered }
  }

  /** It failed a short time ago, or stands still: a request of before has no answer yet. */
  get isAway(): boolean {
    const now = this.#now()
    // The oldest is the first.
    const [oldest] = this.#open
    return now < this.#awayUntil || (oldest !== undefined && now - oldest.at > STILL_MS)
  }

  get isExcluded(): boolean {
    return this.#now() < this.#excludedUntil
  }

  /** After which another one is asked as well. */
  hedgeMs(operation: string): number {
    return this.#latencies.get(operation)?.hedgeMs ?? HEDGE_MS_FIRST
  }
}
