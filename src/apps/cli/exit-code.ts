/**
 * What `limen` ends with, for scripts and service managers. Also in docs/operations.md.
 *
 * @module
 */
import { LimenError } from '../../ground/limen-error.ts'

export const EXIT = {
  done: 0,
  /** Something failed; the message says what. */
  failed: 1,
  /** Unknown command or option, or a value it does not take. */
  usage: 2,
  /** The configuration is refused: its lines are on standard error. */
  config: 3,
  /** The admin API does not answer. */
  unreachable: 4,
  /** The admin API wants a token, or another role. */
  denied: 5,
  /** No such decision, server, profile or signature. */
  missing: 6,
} as const

/** By code of a {@link LimenError}. */
const BY_CODE: Readonly<Record<string, number>> = {
  usage: EXIT.usage,
  /** The admin API refused a value that no check here knows. */
  'bad-request': EXIT.usage,
  'config-refused': EXIT.config,
  'config-unreadable': EXIT.config,
  'credentials-bad': EXIT.config,
  'login-jwks-bad': EXIT.config,
  'redis-file-bad': EXIT.config,
  'admin-unreachable': EXIT.unreachable,
  unauthenticated: EXIT.denied,
  forbidden: EXIT.denied,
  'not-found': EXIT.missing,
}

export function exitCodeOf(error: unknown): number {
  return error instanceof LimenError ? (BY_CODE[error.code] ?? EXIT.failed) : EXIT.failed
}

/** What a person is told: one line each, the whole stack only for a bug of ours. */
export function messageOf(error: unknown): string {
  if (error instanceof LimenError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
