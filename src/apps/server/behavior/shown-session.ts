/**
 * What is shown and logged of a session's id: the begin of it, enough to tell sessions apart, not enough to be one.
 *
 * @module
 */
const SHOWN_CHARS = 8

export function shownSession(session: string): string {
  return session.slice(0, SHOWN_CHARS)
}
