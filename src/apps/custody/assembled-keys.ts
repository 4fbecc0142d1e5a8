/**
 * Secrets of octets that this node has put together (LCU/1, scheme 1), for as long as they are needed: each for its time to live, of one
 * generation, then zeroed. And the sessions that shares for it are sealed to.
 *
 * @module
 */

import { isSameOctets } from '../../crypto/prime-group.ts'
import type { Clock } from '../../ground/clock.ts'
import { toHex } from '../../ground/hex.ts'
import type { Random } from '../../ground/random.ts'

/** LCU/1: of a secret that is put together. */
const SECRET_MS = 30_000
/** Shares come in that time, or nobody waits for them. */
const SESSION_MS = 10_000
const SESSION_BYTES = 16
const SESSIONS_MAX = 4096
const SECRETS_MAX = 1024

interface Session {
  readonly keyId: Uint8Array
  readonly generation: number
  readonly caller: string
  readonly until: number
}

interface Secret {
  readonly generation: number
  readonly bytes: Uint8Array
  readonly until: number
}

export class AssembledKeys {
  readonly #clock: Clock
  readonly #random: Random
  readonly #ttlMs: number
  readonly #sessions = new Map<string, Session>()
  /** By key id. */
  readonly #secrets = new Map<string, Secret>()
  hits = 0
  misses = 0

  constructor(clock: Clock, random: Random, ttlMs: number = SECRET_MS) {
    this.#clock = clock
    this.#random = random
    this.#ttlMs = ttlMs
  }

  /** What shares of this key are to be sealed for, once. undefined: too many at once. */
  begin(keyId: Uint8Array, generation: number, caller: string): Uint8Array | undefined {
    const now = this.#clock.now()
    if (this.#sessions.size >= SESSIONS_MAX) this.sweep(now)
    if (this.#sessions.size >= SESSIONS_MAX) return undefined
    const session = this.#random.bytes(SESSION_BYTES)
    const until = now + SESSION_MS
    this.#sessions.set(toHex(session), { keyId: keyId.slice(), generation, caller, until })
    return session
  }

  /** Whether this session was begun for this, and is used now for the first time. */
  end(session: Uint8Array, keyId: Uint8Array, generation: number, caller: string): boolean {
    const id = toHex(session)
    const found = this.#sessions.get(id)
    this.#sessions.delete(id)
    return (
      found !== undefined &&
      found.until > this.#clock.now() &&
      found.generation === generation &&
      found.caller === caller &&
      isSameOctets(found.keyId, keyId)
    )
  }

  /** Of this generation; undefined when it is not here, or not any more. Not to be changed or kept. */
  get(keyId: Uint8Array, generation: number): Uint8Array | undefined {
    const found = this.#secrets.get(toHex(keyId))
    const isGood = found?.generation === generation && found.until > this.#clock.now()
    if (isGood) this.hits++
    else this.misses++
    return isGood ? found.bytes : undefined
  }

  /** @param bytes the secret, whose owner this now is */
  put(keyId: Uint8Array, generation: number, bytes: Uint8Array): void {
    this.forget(keyId)
    const [oldest] = this.#secrets.keys()
    if (this.#secrets.size >= SECRETS_MAX && oldest !== undefined) this.#drop(oldest)
    const until = this.#clock.now() + this.#ttlMs
    this.#secrets.set(toHex(keyId), { generation, bytes, until })
  }

  forget(keyId: Uint8Array): void {
    this.#drop(toHex(keyId))
  }

  /** Zeroes what is no longer kept; called every so often. */
  sweep(now = this.#clock.now()): void {
    for (const [id, { until }] of this.#sessions) if (until <= now) this.#sessions.delete(id)
    for (const [id, { until }] of this.#secrets) if (until <= now) this.#drop(id)
  }

  close(): void {
    this.sweep(Number.POSITIVE_INFINITY)
  }

  #drop(id: string): void {
    this.#secrets.get(id)?.bytes.fill(0)
    this.#secrets.delete(id)
  }
}
