/**
 * What the profiles say about clients to come, as the workers need it while they decide: few, small,
 * with an end. A client nobody holds anything against has no verdict.
 *
 * @module
 */
import type { Reason } from '../decision.ts'

/**
 * Whom it is about: everybody (while profiles cannot be kept, if so configured), one profile, every hello that a signature matches, or what is new from a network whose clients
 * change faster than software does (`churn.ts`): hellos whose stable fingerprint has that part, but is not `known`.
 */
export type VerdictSubject =
  | { readonly kind: 'everybody' }
  | { readonly kind: 'profile'; readonly profile: string }
  | { readonly kind: 'signature'; readonly signature: string; readonly match: SignatureMatch }
  | {
      readonly kind: 'newcomers'
      readonly addressGroup: string
      readonly part: string
      readonly known: readonly string[]
    }

/** All fields given must match. */
export interface SignatureMatch {
  readonly ja4Stable?: string
  readonly ja4?: string
  readonly addressGroup?: string
}

export interface Verdict {
  readonly subject: VerdictSubject
  /** -log10 p. */
  readonly score: number
  /** Weights add up to `score`. */
  readonly reasons: readonly Reason[]
  /** Milliseconds since the Unix epoch. */
  readonly until: number
}
