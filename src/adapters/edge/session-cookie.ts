/**
 * The cookie that carries a session's ticket where no proof can be made (LSK/1 section 1.6): `__Host-limen`, base64url.
 * It is for the edge: no server behind it gets to see it.
 *
 * @module
 */
import { fieldValue } from '../../wire/field-value.ts'

export const SESSION_COOKIE = '__Host-limen'
const NAME = `${SESSION_COOKIE}=`

/** A Cookie field without that cookie. */
export interface CookieSeen {
  /** As `SessionKey` has it. */
  readonly sessionKey: string
  /** What is left of the field, '' when that was all. */
  readonly rest: string
}

/** undefined when it is not there; of several the first counts, and all are taken out. Never throws. */
export function takeSessionCookie(cookies: string): CookieSeen | undefined {
  if (!cookies.includes(NAME)) return undefined
  let sessionKey: string | undefined
  const rest: string[] = []
  for (const part of cookies.split(';')) {
    const pair = fieldValue(part)
    if (pair.startsWith(NAME)) sessionKey ??= fieldOf(pair.slice(NAME.length))
    else if (pair !== '') rest.push(pair)
  }
  return sessionKey === undefined ? undefined : { sessionKey, rest: rest.join('; ') }
}

function fieldOf(base64url: string): string {
  const padding = '='.repeat((4 - (base64url.length % 4)) % 4)
  return `:${base64url.replaceAll('-', '+').replaceAll('_', '/')}${padding}:`
}
