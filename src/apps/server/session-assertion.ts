/**
 * `Limen-Assertion`: who asks, for the server behind the edge, as a JWT (RFC 7519) signed by Ed25519 (RFC 8037) that it
 * can verify by the key server's JWKS. Signed once a minute per session, host, tier and level: a request costs a
 * look-up.
 *
 * @module
 */
import { type KeyObject, sign } from 'node:crypto'
import type { AssertionAbout, AssertionLine } from '../../adapters/edge/session-guard.ts'
import type { KnownSession } from '../../keys/session/validate-request.ts'
import { hostName } from '../../routing/match-route.ts'

/** Two minutes: one that it is used in, one for clocks that differ and requests that take their time. */
const LIFE_S = 120
const USED_S = 60
/** Per session: it is seldom of more than one host and level at once. */
const KEPT_MAX = 4

interface Kept extends AssertionAbout {
  readonly until: number
  readonly line: AssertionLine
}

export class SessionAssertions {
  readonly kid: string
  readonly #key: KeyObject
  readonly #header: string
  /** As long as the validator remembers the ticket. */
  readonly #kept = new WeakMap<KnownSession<unknown>, Kept[]>()

  constructor(key: KeyObject, kid: string) {
    this.#key = key
    this.kid = kid
    this.#header = encoded({ alg: 'EdDSA', typ: 'JWT', kid })
  }

  /** @param now seconds since 1970 */
  lineFor(session: KnownSession<unknown>, about: AssertionAbout, now: number): AssertionLine {
    const { host, tier, level } = about
    let kept = this.#kept.get(session)
    if (kept === undefined) {
      kept = []
      this.#kept.set(session, kept)
    }
    for (const one of kept) {
      if (one.host !== host || one.tier !== tier || one.level !== level) continue
      if (now < one.until) return one.line
      kept.splice(kept.indexOf(one), 1)
      break
    }
    const line = this.#sign(session, about, Math.floor(now))
    if (kept.length >= KEPT_MAX) kept.shift()
    kept.push({ ...about, line, until: now + USED_S })
    return line
  }

  #sign(
    { id, subject, ticket }: KnownSession<unknown>,
    { host, tier, level }: AssertionAbout,
    iat: number,
  ): AssertionLine {
    const claims = encoded({
      ...{ iss: 'limen', aud: hostName(host), sub: subject, sid: id, gen: ticket.generation },
      ...{ tier, level, iat, exp: iat + LIFE_S },
    })
    const signed = `${this.#header}.${claims}`
    const signature = sign(null, Buffer.from(signed), this.#key).toString('base64url')
    const text = `Limen-Assertion: ${signed}.${signature}\r\n`
    return { text, octets: Buffer.from(text) }
  }
}

function encoded(json: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url')
}
