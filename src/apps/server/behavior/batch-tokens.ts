/**
 * Tokens for batches of behavior: each is good once, for a while, for one session, and for this process, which makes the key.
 * Who has none from here (another edge, before a restart) asks for another.
 *
 * Token: u48 number | u32 expires, seconds since 1970 | HMAC-SHA-256(key, number | expires | session)[0..16): 26 octets.
 *
 * @module
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'

export type TokenRefusal = 'unknown' | 'spent'

const KEY_BYTES = 32
const NUMBER_BYTES = 6
const HEAD_BYTES = NUMBER_BYTES + 4
const MAC_BYTES = 16
const TOKEN_BYTES = HEAD_BYTES + MAC_BYTES
/** Longer than the longest a page may wait between two batches (docs/wire/behavior-batch.md). */
const LIFE_S = 900
/** Spent ones remembered; what is older than the oldest counts as spent. */
const SPENT_MAX = 500_000

export class BatchTokens {
  readonly #key: KeyObject
  readonly #clock: Clock
  #number = 0
  readonly #spent = new Set<number>()
  /** Up to here all count as spent. */
  #floor = 0

  constructor(clock: Clock, random: Random) {
    const bytes = random.bytes(KEY_BYTES)
    this.#key = createSecretKey(bytes)
    bytes.fill(0)
    this.#clock = clock
  }

  /** base64url. */
  issue(session: string): string {
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUIntBE(++this.#number, 0, NUMBER_BYTES)
    head.writeUInt32BE(this.#seconds() + LIFE_S, NUMBER_BYTES)
    return Buffer.concat([head, this.#mac(head, session)]).toString('base64url')
  }

  /** Spends it; undefined: it was good. */
  spend(token: Uint8Array, session: string): TokenRefusal | undefined {
    if (token.length !== TOKEN_BYTES) return 'unknown'
    const bytes = Buffer.from(token)
    const head = bytes.subarray(0, HEAD_BYTES)
    if (!timingSafeEqual(this.#mac(head, session), bytes.subarray(HEAD_BYTES))) return 'unknown'
    if (head.readUInt32BE(NUMBER_BYTES) < this.#seconds()) return 'unknown'
    const number = head.readUIntBE(0, NUMBER_BYTES)
    if (number <= this.#floor || this.#spent.has(number)) return 'spent'
    this.#spent.add(number)
    if (this.#spent.size > SPENT_MAX) {
      const [oldest = 0] = this.#spent
      this.#spent.delete(oldest)
      this.#floor = Math.max(this.#floor, oldest)
    }
    return undefined
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000)
  }

  #mac(head: Uint8Array, session: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(head)
      .update(session)
      .digest()
      .subarray(0, MAC_BYTES)
  }
}
