/**
 * AES-128-GCM (NIST SP 800-38D) of packets under one key. AES is OpenSSL's, for the keystreams of several packets in one call; GHASH and the XOR are those of
 * one {@link gcmModule} for all keys: packets are copied to its memory and back. A keystream is as secret as what it covers.
 *
 * @module
 */
import { type Cipheriv, createCipheriv, type KeyObject } from 'node:crypto'
import {
  BLOCK_BYTES,
  COUNTER_AT,
  FREE_AT,
  gcmModule,
  HASH_AT,
  MEMORY_BYTES,
  TABLES_AT,
  tablesFor,
} from '../../crypto/gcm-module.ts'

export const TAG_BYTES = 16

/** Octets of keystream for a text: the first block covers the tag. */
export const keystreamBytes = (textBytes: number): number =>
  BLOCK_BYTES * (1 + Math.ceil(textBytes / BLOCK_BYTES))

const gcm = gcmModule()
const memory = Buffer.from(gcm.memory.buffer)
const words = new DataView(gcm.memory.buffer)
/** A datagram, its header and its lengths each of whole blocks, and some more; as much again is for the keystream. */
const TEXT_BYTES_MAX = 81_920
const KEYSTREAM_AT = FREE_AT + TEXT_BYTES_MAX
/** Of those made in one call together. */
export const KEYSTREAM_BYTES_MAX = MEMORY_BYTES - KEYSTREAM_AT

/** Whose tables are in memory. */
let present: PacketGcm | undefined

export class PacketGcm {
  readonly #tables: Uint8Array
  readonly #aes: Cipheriv

  constructor(key: KeyObject) {
    this.#aes = createCipheriv('aes-128-ecb', key, null)
    this.#tables = tablesFor(gcm, this.#aes.update(Buffer.alloc(BLOCK_BYTES)))
    present = this
  }

  /** Nothing is sealed or opened by it afterwards. OpenSSL cleanses its key when it is collected. */
  zero(): void {
    this.#tables.fill(0)
    memory.fill(0)
    present = undefined
  }

  /**
   * Keystreams of `count` packets, one behind the other.
   *
   * @param bytes of each: {@link keystreamBytes}. @param nonceOf 12 octets for packet i. @throws RangeError for more than {@link KEYSTREAM_BYTES_MAX} in all
   */
  keystreams(count: number, bytes: number, nonceOf: (i: number) => Uint8Array): Buffer {
    if (count * bytes > KEYSTREAM_BYTES_MAX) throw new RangeError('Cannot make so much keystream')
    for (let i = 0; i < count; i++) {
      memory.set(nonceOf(i), COUNTER_AT)
      gcm.count(KEYSTREAM_AT + i * bytes, bytes / BLOCK_BYTES)
    }
    return this.#aes.update(memory.subarray(KEYSTREAM_AT, KEYSTREAM_AT + count * bytes))
  }

  /** Header and ciphertext go to the beginning of `to`, the tag behind them. @param keystream the octets of it from `at` on */
  seal(packet: Uint8Array, headerBytes: number, keystream: Buffer, at: number, to: Buffer): void {
    const { length } = packet
    const textAt = this.#place(packet, headerBytes)
    placeKeystream(keystream, at, length - headerBytes)
    cover(textAt, length - headerBytes)
    authenticate(headerBytes, textAt, length - headerBytes)
    const tagAt = textAt + length - headerBytes
    for (let i = 0; i < TAG_BYTES; i++) memory[tagAt + i] = memory[HASH_AT + i] as number
    for (let i = 0; i < headerBytes; i++) to[i] = packet[i] as number
    memory.copy(to, headerBytes, textAt, tagAt + TAG_BYTES)
  }

  /** In place, when it is authentic; else nothing is changed, and it is false. @param tagAt where the ciphertext ends */
  open(packet: Buffer, headerBytes: number, tagAt: number, keystream: Buffer, at: number): boolean {
    const textBytes = tagAt - headerBytes
    const textAt = this.#place(packet, headerBytes)
    placeKeystream(keystream, at, textBytes)
    authenticate(headerBytes, textAt, textBytes)
    let difference = 0
    for (let i = 0; i < TAG_BYTES; i++) {
      difference |= (packet[tagAt + i] as number) ^ (memory[HASH_AT + i] as number)
    }
    if (difference !== 0) return false
    cover(textAt, textBytes)
    memory.copy(packet, headerBytes, textAt, textAt + textBytes)
    return true
  }

  /** Header and text, each from a block's beginning; anything may be behind the text. Where the text is. */
  #place(packet: Uint8Array, headerBytes: number): number {
    if (present !== this) memory.set(this.#tables, TABLES_AT)
    present = this
    const textAt = FREE_AT + wholeBlocks(headerBytes)
    const gap = textAt - headerBytes - FREE_AT
    memory.set(packet, FREE_AT + gap)
    if (gap === 0) return textAt
    for (let i = FREE_AT; i < textAt - gap; i++) memory[i] = memory[i + gap] as number
    for (let i = textAt - gap; i < textAt; i++) memory[i] = 0
    return textAt
  }
}

const wholeBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES

function placeKeystream(keystream: Buffer, at: number, textBytes: number): void {
  keystream.copy(memory, KEYSTREAM_AT, at, at + keystreamBytes(textBytes))
}

function cover(textAt: number, textBytes: number): void {
  if (textBytes === 0) return
  gcm.xor(textAt, KEYSTREAM_AT + BLOCK_BYTES, Math.ceil(textBytes / BLOCK_BYTES))
}

/** The tag of header and ciphertext is at {@link HASH_AT}. */
function authenticate(headerBytes: number, textAt: number, textBytes: number): void {
  const lengthsAt = textAt + wholeBlocks(textBytes)
  for (let i = textAt + textBytes; i < lengthsAt; i++) memory[i] = 0
  // In bits, 64 each.
  words.setUint32(lengthsAt, 0)
  words.setUint32(lengthsAt + 4, 8 * headerBytes)
  words.setUint32(lengthsAt + 8, 0)
  words.setUint32(lengthsAt + 12, 8 * textBytes)
  for (let i = 0; i < BLOCK_BYTES; i += 4) words.setUint32(HASH_AT + i, 0)
  gcm.hash(FREE_AT, (lengthsAt + BLOCK_BYTES - FREE_AT) / BLOCK_BYTES)
  gcm.xor(HASH_AT, KEYSTREAM_AT, 1)
}
