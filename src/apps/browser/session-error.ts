/**
 * Why there is no session. The message is for people, the code for programs.
 *
 * @module
 */

export type SessionErrorCode =
  /** No key of the server's can be used here. */
  | 'no_suite'
  | 'reply_malformed'
  | 'reply_not_authentic'
  /** The key configuration is not signed by the key that is pinned. */
  | 'authority_changed'
  /** The key server refused; `refusal` has its code. */
  | 'refused'
  /** No answer, several times. */
  | 'unreachable'

const SAYS: Readonly<Record<SessionErrorCode, string>> = {
  no_suite: 'this browser and the site have no way in common to agree on a key',
  reply_malformed: 'the answer of the site is not understood',
  reply_not_authentic: 'the answer of the site is not authentic',
  authority_changed: 'the key of the site is not the one that was known here',
  refused: 'the site refused',
  unreachable: 'the site did not answer',
}

export class SessionError extends Error {
  readonly code: SessionErrorCode
  /** What the key server said, with `refused`. */
  readonly refusal: string | undefined

  constructor(code: SessionErrorCode, refusal?: string) {
    super(`Cannot open a session: ${SAYS[code]}${refusal === undefined ? '' : ` (${refusal})`}`)
    this.name = 'SessionError'
    this.code = code
    this.refusal = refusal
  }
}
