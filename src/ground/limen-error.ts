/**
 * The one error for a world that fails: whose fault, and is it worth trying again?
 * Broken contracts between our own parts are `TypeError`/`RangeError` instead; outcomes that are
 * expected (a hello still incomplete, a request refused) are values and never thrown.
 *
 * @module
 */

/** Whose fault it is: the client's, the upstream's, the operator's (configuration), or our own. */
export type ErrorSide = 'client' | 'upstream' | 'operator' | 'limen'

export interface LimenErrorDetails {
  readonly side: ErrorSide
  /** Whether the same call may work later without anybody changing anything. */
  readonly retry: boolean
  readonly cause?: unknown
}

/** An error with a stable `code` one can switch on. The message never holds a secret. */
export class LimenError extends Error {
  readonly code: string
  readonly side: ErrorSide
  readonly retry: boolean

  constructor(code: string, message: string, details: LimenErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'LimenError'
    this.code = code
    this.side = details.side
    this.retry = details.retry
  }
}
