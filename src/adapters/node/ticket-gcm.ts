/**
 * AES-256-GCM (NIST SP 800-38D) under a key that opens many short messages: tickets. OpenSSL enciphers the counter blocks of a message in one call, by a
 * cipher that stays with its key; `gcm-module.ts` does the rest. A cipher of `node:crypto` per message, of five calls, takes several times that.
 *
 * @module
 */
import { type Cipheriv, createCipheriv, timingSafeEqual } from 'node:crypto'
import {
  BLOCK_BYTES,
  COUNTER_AT,
  FREE_AT,
  gcmModule,
  HASH_AT,
  TABLES_AT,
  tablesFor,
} from '../../crypto/gcm-module.ts'
import { keptSecret } from './secret-slab.ts'

const NONCE_BYTES = 12
export const TAG_BYTES = 16
/** More than a ticket has. */
const TEXT_BLOCKS_MAX = 63
const TEXT_BYTES_MAX = TEXT_BLOCKS_MAX * BLOCK_BYTES
/** The first block of the stream is the tag's. */
const STREAM_AT = FREE_AT
/** A block of what is only authentic; the ciphertext, zeros up to a whole block, the lengths of both in bits. */
const HASHED_AT = STREAM_AT + (1 + TEXT_BLOCKS_MAX) * BLOCK_BYTES
const TEXT_AT = HASHED_AT + BLOCK_BYTES

// One message is opened at a time: what is secret of it is zeroed before the next.
const gcm = gcmModule()
const memory = Buffer.from(gcm.memory.buffer)
/** The same; a Buffer looks at what it is filled with. */
const octets = new Uint8Array(gcm.memory.buffer)
const made = memory.subarray(HASH_AT, HASH_AT + TAG_BYTES)
const streamOf = Array.from({ length: TEXT_BLOCKS_MAX + 2 }, (_, blocks) =>
  memory.subarray(STREAM_AT, STREAM_AT + blocks * BLOCK_BYTES),
)

/** Whose tables are in memory. */
let present: TicketGcm | undefined

export class TicketGcm {
  readonly #aes: Cipheriv
  readonly #tables: Uint8Array

  /** The caller zeroes `key`. @throws RangeError unless it has 32 bytes */
  constructor(key: Uint8Array) {
    // Block by block: counter mode is what is made of it here.
    this.#aes = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
    this.#tables = tablesFor(gcm, this.#aes.update(Buffer.alloc(BLOCK_BYTES)))
    present = this
  }

  /**
   * The ciphertext with the tag behind.
   *
   * @param nonce 12 bytes, never twice under one key
   * @param aad 16 bytes at most
   * @param plain 1 to 1008 bytes
   * @throws RangeError for other lengths
   */
  seal(nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Buffer {
    const blocks = this.#load(nonce, aad, plain)
    const end = TEXT_AT + plain.length
    gcm.xor(TEXT_AT, STREAM_AT + BLOCK_BYTES, blocks)
    // What is behind the ciphertext in its last block is no part of it.
    octets.fill(0, end, TEXT_AT + blocks * BLOCK_BYTES)
    authenticate(blocks)
    const sealed = Buffer.concat([memory.subarray(TEXT_AT, end), made])
    octets.fill(0, FREE_AT, end)
    return sealed
  }

  /**
   * Octets of their own, or undefined when they are not authentic. Compares in constant time.
   *
   * @throws RangeError for lengths that `seal` does not take
   */
  open(
    nonce: Uint8Array,
    aad: Uint8Array,
    ciphertext: Uint8Array,
    tag: Uint8Array,
  ): Uint8Array | undefined {
    const blocks = this.#load(nonce, aad, ciphertext)
    const end = TEXT_AT + ciphertext.length
    authenticate(blocks)
    const isAuthentic = tag.length === TAG_BYTES && timingSafeEqual(made, tag)
    if (isAuthentic) gcm.xor(TEXT_AT, STREAM_AT + BLOCK_BYTES, blocks)
    const plain = isAuthentic ? keptSecret(octets.subarray(TEXT_AT, end)) : undefined
    octets.fill(0, FREE_AT, TEXT_AT + blocks * BLOCK_BYTES)
    return plain
  }

  /** Everything to its place; the blocks of the text. */
  #load(nonce: Uint8Array, aad: Uint8Array, text: Uint8Array): number {
    const { length } = text
    if (length === 0 || length > TEXT_BYTES_MAX || aad.length > BLOCK_BYTES) {
      throw new RangeError(`Cannot work on ${aad.length} and ${length} bytes`)
    }
    if (nonce.length !== NONCE_BYTES) {
      throw new RangeError(`Cannot use a nonce of ${nonce.length} bytes`)
    }
    if (present !== this) octets.set(this.#tables, TABLES_AT)
    present = this
    const blocks = Math.ceil(length / BLOCK_BYTES)
    octets.set(nonce, COUNTER_AT)
    gcm.count(STREAM_AT, blocks + 1)
    const stream = streamOf[blocks + 1] as Buffer
    const enciphered = this.#aes.update(stream)
    stream.set(enciphered)
    enciphered.fill(0)
    const lengthsAt = TEXT_AT + blocks * BLOCK_BYTES
    octets.fill(0, HASHED_AT, TEXT_AT)
    octets.fill(0, lengthsAt - BLOCK_BYTES, lengthsAt + BLOCK_BYTES)
    octets.set(aad, HASHED_AT)
    octets.set(text, TEXT_AT)
    // Of 64 bits each; 16 of them are enough.
    memory.writeUInt16BE(8 * aad.length, lengthsAt + 6)
    memory.writeUInt16BE(8 * length, lengthsAt + 14)
    return blocks
  }
}

/** The tag is at {@link HASH_AT}: of what is only authentic, `blocks` of ciphertext, and the lengths. */
function authenticate(blocks: number): void {
  octets.fill(0, HASH_AT, HASH_AT + BLOCK_BYTES)
  gcm.hash(HASHED_AT, blocks + 2)
  gcm.xor(HASH_AT, STREAM_AT, 1)
}
