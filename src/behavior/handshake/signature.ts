/**
 * A signature: an attack pattern that was confirmed, by a person or by the rigorous pool. It names whom it
 * matches as narrowly as it can, ends by itself, is listed and can be removed.
 *
 * @module
 */
import type { SignatureMatch } from './verdict.ts'

export interface Signature {
  /** 12 hex digits, made of what it matches: the same pattern has one signature. */
  readonly id: string
  readonly match: SignatureMatch
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  readonly until: number
  /** Who confirmed it: a person's name, or `rigorous-pool`. */
  readonly by: string
  /** One sentence without a full stop. */
  readonly why: string
  /** Hellos it matched since it was made. */
  readonly hits: number
}
