/**
 * The path of the session this browser is signed in to: it goes in front of every path asked. The cookie alone
 * opens nothing, because browsers show cookies to every port of a host; what is kept here they show to this
 * origin only. Not the token, and not the cookie, which scripts cannot read.
 *
 * @module
 */

const KEY = 'limen-session-path'

/** What to ask for `path`, e.g. `v1/status`, relative to the page. */
export function inSession(path: string): string {
  return `${localStorage.getItem(KEY) ?? ''}${path}`
}

/** `path` as POST /v1/login answers it, e.g. `/s/mZ3xU0bV9yYq4hJr2kTnLw`. */
export function keepSessionPath(path: string): void {
  localStorage.setItem(KEY, `${path.replace(/^\//, '')}/`)
}
