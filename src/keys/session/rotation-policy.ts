/**
 * How often a session's key rotates (LSK/1 section 1.8, seed 9838482): set when the session opens and with each new key,
 * within bounds, with the reasons; how many rotations there may be at once. What a client is told in between is
 * `rotation-hints.ts`.
 *
 * @module
 */
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

/** Of the rate, for those whose tickets end soon; of one below five a second nothing. */
const URGENT_SHARE = 0.2

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
  /** Load over capacity, now or predicted for the minutes to come; undefined where nobody knows. */
  readonly predictedLoad: number | undefined
  /** The longest that a ticket allows, in seconds. */
  readonly ticketMostS?: number
}

/** What made an interval another than the policy's own. */
export type IntervalReason = 'policy' | 'tier' | 'load' | 'bounds' | 'ticket'

export interface RotationInterval {
  readonly seconds: number
  /** Beside `policy`, which is always there. */
  readonly reasons: readonly IntervalReason[]
  /** Lines for a person, one per reason. */
  readonly why: readonly string[]
}

/** From this share of capacity on, rotations are stretched; at capacity by the factor below. */
export const BUSY_FROM = 0.8
const BUSY_FACTOR = 4

/** The interval for a session as things are. */
export function rotationInterval(
  policy: RotationPolicy,
  { tier, predictedLoad: load, ticketMostS }: RotationContext,
): RotationInterval {
  const reasons: IntervalReason[] = ['policy']
  const why = [`Every ${policy.everyS} s by policy`]
  const note = (reason: IntervalReason, text: string): void => {
    reasons.push(reason)
    why.push(text)
  }
  let seconds = policy.everyS
  if (tier > 1) {
    const factor = policy.tierFactor[tier - 2] as number
    seconds *= factor
    note('tier', `tier ${tier}: times ${factor}`)
  }
  // Suspicion comes before load: a suspect's key is never kept longer because the servers are busy.
  if (load !== undefined && load > BUSY_FROM && tier === 1) {
    const factor = 1 + Math.min(1, (load - BUSY_FROM) / (1 - BUSY_FROM)) * (BUSY_FACTOR - 1)
    seconds *= factor
    note('load', `load ${load.toFixed(2)} of capacity: times ${factor.toFixed(1)}`)
  }
  const whole = Math.round(seconds)
  let bounded = Math.min(policy.mostS, Math.max(policy.leastS, whole))
  if (bounded !== whole) note('bounds', `kept within ${policy.leastS} and ${policy.mostS} s`)
  if (ticketMostS !== undefined && bounded > ticketMostS) {
    bounded = ticketMostS
    note('ticket', `at most ${ticketMostS} s: its ticket ends`)
  }
  return { seconds: bounded, reasons, why }
}

/** Sessions that were opened in a crowd part by so much of their interval with each key. */
const JITTER_SHARE = 0.15

/** An interval as a ticket has it: a little shorter, by chance. @param fraction uniform in [0, 1) */
export function spreadInterval(seconds: number, leastS: number, fraction: number): number {
  const spread = Math.round(seconds * (1 - JITTER_SHARE * fraction))
  return Math.min(seconds, Math.max(leastS, spread))
}

/**
 * Admits rotations at a bounded rate: a token bucket of one second's worth. Security is always admitted, and paid for by
 * those that come after; of the rest a fifth is kept for those that cannot wait.
 */
export class RotationGate {
  readonly #perSecondMax: number
  #tokens: number
  #at = 0

  constructor(perSecondMax: number) {
    this.#perSecondMax = perSecondMax
    this.#tokens = perSecondMax
  }

  /**
   * May one more rotate now? Counts it.
   *
   * @param need `security`: never refused; `urgent`: its ticket ends soon
   * @param now seconds since 1970, may have a fraction
   */
  admit(need: 'security' | 'urgent' | 'ordinary', now: number): boolean {
    const passed = Math.max(0, now - this.#at)
    this.#at = Math.max(this.#at, now)
    this.#tokens = Math.min(this.#perSecondMax, this.#tokens + passed * this.#perSecondMax)
    const kept = Math.floor(this.#perSecondMax * URGENT_SHARE)
    const least = need === 'ordinary' ? 1 + kept : 1
    if (need !== 'security' && this.#tokens < least) return false
    this.#tokens = Math.max(-this.#perSecondMax, this.#tokens - 1)
    return true
  }
}
