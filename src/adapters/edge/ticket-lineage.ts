/**
 * Lineage: who a session ticket was made for, carried in the ticket itself. The IV of a ticket has to be
 * unpredictable and is not secret (RFC 5077 section 4); half of it can say who it is to those who hold the key:
 *
 *  0  8  nonce, random
 *  8  8  id of the profile XOR the first 8 octets of AES-128(kl, nonce | 0)
 *
 * `kl` comes from the ticket key by HKDF-SHA-256. An id of zeros says that it is not known. So nothing is
 * stored, and all workers and edges with the same ticket keys understand it. Nonces and their blocks are made
 * 256 at a time: a ticket costs one XOR.
 *
 * Not here: whether the ticket is genuine, which has to be known first (`ticket-keys.ts`).
 *
 * @module
 */
import {
  createCipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomFillSync,
} from 'node:crypto'

export const IV_BYTES = 16
const NONCE_BYTES = 8
const BLOCK_BYTES = 16
const BATCH = 256
const INFO = 'limen/ticket lineage/1'
/** A profile's id: 16 hex digits. */
const PROFILE = /^[0-9a-f]{16}$/
const NOBODY = '0000000000000000'

/** Writes and reads the IVs of tickets under one ticket key. */
export class TicketLineage {
  readonly #key: KeyObject
  readonly #blocks = Buffer.alloc(BATCH * BLOCK_BYTES)
  #keystream: Buffer = Buffer.alloc(0)
  #at = BATCH

  /** @param ticketKey all 48 octets of it */
  constructor(ticketKey: Uint8Array) {
    this.#key = createSecretKey(Buffer.from(hkdfSync('sha256', ticketKey, '', INFO, 16)))
  }

  /** The IV of a new ticket for `profile`; '' when that is not known. Valid until the next call but 255. */
  ivFor(profile: string): Uint8Array {
    if (this.#at === BATCH) this.#draw()
    const from = this.#at++ * BLOCK_BYTES
    const iv = this.#blocks.subarray(from, from + IV_BYTES)
    iv.write(PROFILE.test(profile) ? profile : NOBODY, NONCE_BYTES, NONCE_BYTES, 'hex')
    for (let i = NONCE_BYTES; i < IV_BYTES; i++) {
      iv[i] = (iv[i] as number) ^ (this.#keystream[from + i - NONCE_BYTES] as number)
    }
    return iv
  }

  /** Whom the ticket with this IV was made for, undefined when that was not known. */
  profileIn(iv: Uint8Array): string | undefined {
    const block = Buffer.alloc(BLOCK_BYTES)
    block.set(iv.subarray(0, NONCE_BYTES))
    const keystream = this.#encrypt(block)
    for (let i = 0; i < NONCE_BYTES; i++) {
      keystream[i] = (keystream[i] as number) ^ (iv[NONCE_BYTES + i] as number)
    }
    const id = keystream.toString('hex', 0, NONCE_BYTES)
    return id === NOBODY ? undefined : id
  }

  #draw(): void {
    randomFillSync(this.#blocks)
    for (let at = NONCE_BYTES; at < this.#blocks.length; at += BLOCK_BYTES) {
      this.#blocks.fill(0, at, at + BLOCK_BYTES - NONCE_BYTES)
    }
    this.#keystream = this.#encrypt(this.#blocks)
    this.#at = 0
  }

  /** Block by block: each input is used once, and only as a one-time pad. */
  #encrypt(blocks: Uint8Array): Buffer {
    return createCipheriv('aes-128-ecb', this.#key, null).setAutoPadding(false).update(blocks)
  }
}
