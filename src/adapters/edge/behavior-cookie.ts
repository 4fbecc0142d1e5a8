/**
 * The first-party cookie by which a page's behavior belongs to a session where there is no session key (LSK/1).
 *
 * Value: base64url( random 16 octets || HMAC-SHA-256(key, "limen/behavior/1\0" || random)[0..16) ), 43 characters. The
 * session's id is the first half in base64url; nobody makes one but who has the key.
 *
 * @module
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Random } from '../../ground/random.ts'

export const BEHAVIOR_COOKIE = '__Host-limen-behavior'
const ID_BYTES = 16
const MAC_BYTES = 16
const VALUE_CHARS = 43
const CONTEXT = 'limen/behavior/1\0'
const ANCHOR_CONTEXT = 'limen/behavior anchor/1\0'
/** Verified values remembered, so that a request costs no HMAC. */
const VERIFIED_MAX = 16_384
const NAME = `${BEHAVIOR_COOKIE}=`

export class BehaviorCookies {
  readonly #key: KeyObject
  readonly #verified = new Map<string, string>()

  /** @param key 32 octets or more; the same on all workers and edges */
  constructor(key: Uint8Array) {
    this.#key = createSecretKey(
      Buffer.from(hkdfSync('sha256', key, '', 'limen/behavior cookie/1', 32)),
    )
  }

  /** Of a new session: its id, and the value of the cookie. */
  issue(random: Random): { readonly session: string; readonly value: string } {
    const id = random.bytes(ID_BYTES)
    const value = Buffer.concat([id, this.#mac(id)]).toString('base64url')
    return { session: Buffer.from(id).toString('base64url'), value }
  }

  /** The session of a Cookie field; undefined when it has none that is ours, or more than one. */
  sessionOf(cookies: string): string | undefined {
    const from = cookies.indexOf(NAME)
    if (from < 0 || cookies.indexOf(NAME, from + 1) >= 0) return undefined
    const at = from + NAME.length
    const end = cookies.indexOf(';', at)
    const value = cookies.slice(at, end < 0 ? undefined : end).trim()
    const known = this.#verified.get(value)
    if (known !== undefined) return known
    const octets = Buffer.from(value, 'base64url')
    if (value.length !== VALUE_CHARS || octets.toString('base64url') !== value) return undefined
    const id = octets.subarray(0, ID_BYTES)
    if (!timingSafeEqual(this.#mac(id), octets.subarray(ID_BYTES))) return undefined
    if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear()
    const session = id.toString('base64url')
    this.#verified.set(value, session)
    return session
  }

  /** What stands for what another cookie holds: base64url, as long as the id of a session, and says nothing of it. */
  anchorOf(value: string): string {
    return createHmac('sha256', this.#key)
      .update(ANCHOR_CONTEXT)
      .update(value)
      .digest()
      .subarray(0, ID_BYTES)
      .toString('base64url')
  }

  #mac(id: Uint8Array): Buffer {
    return createHmac('sha256', this.#key)
      .update(CONTEXT)
      .update(id)
      .digest()
      .subarray(0, MAC_BYTES)
  }
}
