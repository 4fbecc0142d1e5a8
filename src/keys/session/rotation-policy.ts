/**
 * How often a session's key rotates (LSK/1 section 1.8, seed 9838482): set when the session opens, adjusted while it
 * lives, within bounds; asked for with a reason; spread out so that no storm of rotations can come.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'

export type RotationReason = 'time' | 'load' | 'security'

export interface RotationPolicy {
  /** Seconds between rotations of an ordinary session. */
  readonly everyS: number
  /** No session rotates more often than this, but for security; and none less often than `mostS`. */
  readonly leastS: number
  readonly mostS: number
  /** A tier of 2 or 3 shortens the interval by these factors. */
  readonly tierFactor: readonly [number, number]
  /** Rotations admitted per second over all sessions; further ones wait, but for security. */
  readonly perSecondMax: number
}

/** Section 1.8: bounds of 60 s and 12 h. */
export const ROTATION_DEFAULTS: RotationPolicy = {
  everyS: 600,
  leastS: 60,
  mostS: 43_200,
  tierFactor: [0.5, 0.1],
  // Half of what one core's handshakes come to, so that rotations never crowd out new sessions.
  perSecondMax: 1_000,
}

/** What is known when an interval is set. */
export interface RotationContext {
  readonly tier: 1 | 2 | 3
  /** Predicted load over capacity in the minutes to come; undefined without a forecast. */
  readonly predictedLoad: number | undefined
}

export interface RotationInterval {
  readonly seconds: number
  /** Lines for a person. */
  readonly why: readonly string[]
}

/** From this share of capacity on, rotations are stretched; at capacity by the factor below. */
const BUSY_FROM = 0.8
const BUSY_FACTOR = 4

/** The interval for a session as things are. */
export function rotationInterval(
  policy: RotationPolicy,
  context: RotationContext,
): RotationInterval {
  const why = [`Every ${policy.everyS} s by policy`]
  let seconds = policy.everyS
  if (context.tier > 1) {
    const factor = policy.tierFactor[context.tier - 2] as number
    seconds *= factor
    why.push(`tier ${context.tier}: times ${factor}`)
  }
  const load = context.predictedLoad
  // Suspicion comes before load: a suspect's key is never kept longer because the servers are busy.
  if (load !== undefined && load > BUSY_FROM && context.tier === 1) {
    const factor = 1 + Math.min(1, (load - BUSY_FROM) / (1 - BUSY_FROM)) * (BUSY_FACTOR - 1)
    seconds *= factor
    why.push(`predicted load ${load.toFixed(2)} of capacity: times ${factor.toFixed(1)}`)
  }
  const bounded = Math.min(policy.mostS, Math.max(policy.leastS, Math.round(seconds)))
  if (bounded !== Math.round(seconds))
    why.push(`kept within ${policy.leastS} and ${policy.mostS} s`)
  return { seconds: bounded, why }
}

/** What a session is told: rotate between now and `by`. Times in seconds since 1970. */
export interface RotationHint {
  readonly by: number
  readonly reason: RotationReason
}

export type HintOutcome =
  | { readonly kind: 'hint'; readonly hint: RotationHint }
  | { readonly kind: 'deferred'; readonly until: number }
  | { readonly kind: 'none' }

/** Hints spread over this share of the interval: clients draw their moment within it. */
const SPREAD_SHARE = 0.1

/**
 * Admits rotations at a bounded rate: a token bucket of one second's worth. Security is always admitted, and paid for by
 * those that come after.
 */
export class RotationGate {
  readonly #policy: RotationPolicy
  readonly #random: Random
  #tokens: number
  #at = 0

  constructor(policy: RotationPolicy, random: Random) {
    this.#policy = policy
    this.#random = random
    this.#tokens = policy.perSecondMax
  }

  /**
   * Should this session be told to rotate now?
   *
   * @param rotateAfter when its ticket asks for it
   * @param suspect its tier rose since the ticket was made
   */
  ask(rotateAfter: number, interval: number, suspect: boolean, now: number): HintOutcome {
    if (suspect) {
      this.#take(now)
      return { kind: 'hint', hint: { by: now, reason: 'security' } }
    }
    if (now < rotateAfter) return { kind: 'none' }
    if (this.#refill(now) < 1) {
      // Later, at a moment of its own: those that wait must not come back together.
      const wait = 1 + this.#random.fraction() * Math.max(1, interval * SPREAD_SHARE)
      return { kind: 'deferred', until: now + wait }
    }
    this.#take(now)
    const by = now + Math.max(1, Math.round(interval * SPREAD_SHARE))
    return { kind: 'hint', hint: { by, reason: 'time' } }
  }

  #refill(now: number): number {
    const { perSecondMax } = this.#policy
    const passed = Math.max(0, now - this.#at)
    this.#at = Math.max(this.#at, now)
    this.#tokens = Math.min(perSecondMax, this.#tokens + passed * perSecondMax)
    return this.#tokens
  }

  #take(now: number): void {
    this.#refill(now)
    this.#tokens = Math.max(-this.#policy.perSecondMax, this.#tokens - 1)
  }
}
