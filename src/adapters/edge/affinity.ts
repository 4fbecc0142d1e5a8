/**
 * Affinity cookies: a random value, signed, that keeps a browser on its server through the hash ring.
 * It names no server, so it survives changes of the pool and tells a client nothing; but it is drawn until it leads to the
 * server that was chosen for the client. A client that is better off elsewhere gets another.
 *
 * Value: base64url( random 9 bytes || HMAC-SHA-256(key, "limen/affinity/1\0" || random)[0..15) ), 32 characters.
 *
 * @module
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { AffinitySettings } from '../../ports/data-plane.ts'
import { NO_KEY } from '../../routing/balancer.ts'
import { hash32 } from '../../routing/hash-ring.ts'
import type { PlacedSession } from './session-places.ts'

const RANDOM_BYTES = 9
const MAC_BYTES = 15
/** Of the random bytes, in base64url: what the hash ring goes by. */
const RANDOM_CHARS = 12
const VALUE_CHARS = 32
const CONTEXT = 'limen/affinity/1\0'
/** Verified values remembered, so that a keep-alive client costs no HMAC per request. */
const VERIFIED_MAX = 16_384

export interface AffinityRead {
  /** 32-bit key for the hash ring. */
  readonly key: number
  /** A `Set-Cookie` line to send, when the client brought no valid cookie. */
  readonly issue: Buffer | undefined
}

/** Where keys lead in a pool, and where they should. */
export interface KeyPlacer {
  /** The client of this key stays where it leads. */
  stays(key: number): boolean
  /** Chooses a server for a client; the result says whether a key leads there. */
  choose(): (key: number) => boolean
}

export interface AffinityKept extends AffinityRead {
  readonly session: PlacedSession | undefined
}

const NOTHING_KEPT: AffinityKept = { key: NO_KEY, issue: undefined, session: undefined }

export class Affinity {
  readonly #key: KeyObject
  readonly #random: (length: number) => Uint8Array
  readonly #verified = new Map<string, AffinityRead>()

  constructor(key: Uint8Array, random: (length: number) => Uint8Array) {
    this.#key = createSecretKey(key)
    this.#random = random
  }

  /**
   * What keeps a request's client on its server: its session, where the pool goes by that and there is one, else the
   * cookie.
   */
  keeping(
    { cookie, session }: AffinitySettings,
    who: PlacedSession | undefined,
    cookies: () => string,
    placer: KeyPlacer,
  ): AffinityKept {
    if (session === true && who !== undefined) {
      return { key: hash32(who.id), issue: undefined, session: who }
    }
    if (cookie === undefined) return NOTHING_KEPT
    return { ...this.read(cookie, cookies(), placer), session: undefined }
  }

  /** Reads the cookie `name` from a Cookie field's value; issues one when there is none to trust, or to follow. */
  read(name: string, cookies: string, placer: KeyPlacer): AffinityRead {
    const value = cookieValue(cookies, name)
    if (value !== undefined && value.length === VALUE_CHARS) {
      const known = this.#verified.get(value) ?? this.#verify(value)
      if (known !== undefined && placer.stays(known.key)) return known
    }
    return this.#issue(name, placer.choose())
  }

  #verify(value: string): AffinityRead | undefined {
    if (!this.#valid(value)) return undefined
    if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear()
    const read = { key: keyOf(value), issue: undefined }
    this.#verified.set(value, read)
    return read
  }

  #issue(name: string, leads: (key: number) => boolean): AffinityRead {
    const random = Buffer.from(this.#random(RANDOM_BYTES))
    // The last byte is drawn again by counting: the others are chance enough.
    for (let tries = 0; tries < 256 && !leads(keyOf(random.toString('base64url'))); tries++) {
      random[RANDOM_BYTES - 1] = ((random[RANDOM_BYTES - 1] as number) + 1) & 0xff
    }
    const issued = Buffer.concat([random, this.#mac(random)]).toString('base64url')
    return {
      key: keyOf(issued),
      issue: Buffer.from(
        `Set-Cookie: ${name}=${issued}; Path=/; Secure; HttpOnly; SameSite=Lax\r\n`,
      ),
    }
  }

  #mac(random: Uint8Array): Buffer {
    return createHmac('sha256', this.#key)
      .update(CONTEXT)
      .update(random)
      .digest()
      .subarray(0, MAC_BYTES)
  }

  #valid(value: string): boolean {
    const bytes = Buffer.from(value, 'base64url')
    if (bytes.length !== RANDOM_BYTES + MAC_BYTES) return false
    return timingSafeEqual(this.#mac(bytes.subarray(0, RANDOM_BYTES)), bytes.subarray(RANDOM_BYTES))
  }
}

function keyOf(value: string): number {
  return hash32(value.slice(0, RANDOM_CHARS))
}

function cookieValue(cookies: string, name: string): string | undefined {
  let at = 0
  while (at < cookies.length) {
    while (cookies[at] === ' ' || cookies[at] === ';') at++
    const end = cookies.indexOf(';', at)
    const stop = end < 0 ? cookies.length : end
    if (cookies.startsWith(name, at) && cookies[at + name.length] === '=') {
      return cookies.slice(at + name.length + 1, stop).trimEnd()
    }
    at = stop
  }
  return undefined
}
