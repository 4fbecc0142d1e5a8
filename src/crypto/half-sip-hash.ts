/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF", the variant for
 * 32-bit words of the reference implementation): a keyed hash for tables that strangers fill. Who does not know the key
 * cannot choose texts that meet. Not a MAC for messages: its key has 64 bits.
 *
 * @module
 */

export const KEY_BYTES = 8

export class HalfSipHash {
  readonly #k0: number
  readonly #k1: number
  /** Of the text before: bytes 0..3 and 4..7, little-endian, as 32-bit integers. */
  low = 0
  high = 0
  #v0 = 0
  #v1 = 0
  #v2 = 0
  #v3 = 0

  /** @param key 8 bytes @throws RangeError for another length */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new RangeError(`Cannot hash under ${key.length} bytes`)
    const words = new DataView(key.buffer, key.byteOffset, KEY_BYTES)
    this.#k0 = words.getInt32(0, true)
    this.#k1 = words.getInt32(4, true)
  }

  /** Sets `low` and `high`. @param text one byte per character: those above 0xff count modulo 256 */
  hash(text: string): void {
    const { length } = text
    this.#v0 = this.#k0
    this.#v1 = this.#k1 ^ 0xee
    this.#v2 = 0x6c796765 ^ this.#k0
    this.#v3 = 0x74656462 ^ this.#k1
    const wholeEnd = length & ~3
    for (let at = 0; at < wholeEnd; at += 4) this.#take(wholeWord(text, at))
    this.#take((length << 24) | lastWord(text, wholeEnd, length & 3))
    this.#v2 ^= 0xee
    this.#rounds(4)
    this.low = this.#v1 ^ this.#v3
    this.#v1 ^= 0xdd
    this.#rounds(4)
    this.high = this.#v1 ^ this.#v3
  }

  #take(word: number): void {
    this.#v3 ^= word
    this.#rounds(2)
    this.#v0 ^= word
  }

  #rounds(count: number): void {
    let v0 = this.#v0
    let v1 = this.#v1
    let v2 = this.#v2
    let v3 = this.#v3
    for (let round = 0; round < count; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    this.#v0 = v0
    this.#v1 = v1
    this.#v2 = v2
    this.#v3 = v3
  }
}

function wholeWord(text: string, at: number): number {
  return (
    (text.charCodeAt(at) & 0xff) |
    ((text.charCodeAt(at + 1) & 0xff) << 8) |
    ((text.charCodeAt(at + 2) & 0xff) << 16) |
    (text.charCodeAt(at + 3) << 24)
  )
}

function lastWord(text: string, at: number, bytes: number): number {
  let value = 0
  for (let i = 0; i < bytes; i++) value |= (text.charCodeAt(at + i) & 0xff) << (8 * i)
  return value
}
