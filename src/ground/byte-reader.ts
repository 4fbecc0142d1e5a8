/**
 * Reads unsigned big-endian integers and slices from a byte array, front to back.
 * Every read says whether there was enough: `undefined` means "the bytes end here".
 *
 * @module
 */

/** A cursor over `bytes`. Reads move it forward; a short read leaves it where it was. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes left to read. */
  get left(): number {
    return this.#bytes.length - this.#offset
  }

  u8(): number | undefined {
    const value = this.#bytes[this.#offset]
    if (value !== undefined) this.#offset++
    return value
  }

  u16(): number | undefined {
    return this.#uint(2)
  }

  u24(): number | undefined {
    return this.#uint(3)
  }

  /** 32 bits as a non-negative number. */
  u32(): number | undefined {
    const value = this.#uint(4)
    return value === undefined ? undefined : value >>> 0
  }

  /** Takes the next `length` bytes as a view, not a copy. */
  take(length: number): Uint8Array | undefined {
    if (length > this.left) return undefined
    const slice = this.#bytes.subarray(this.#offset, this.#offset + length)
    this.#offset += length
    return slice
  }

  /** Takes a vector: a length of `lengthSize` bytes, then that many bytes (RFC 8446 section 3.4). */
  vector(lengthSize: 1 | 2 | 3): Uint8Array | undefined {
    const start = this.#offset
    const length = this.#uint(lengthSize)
    const body = length === undefined ? undefined : this.take(length)
    if (body === undefined) this.#offset = start
    return body
  }

  #uint(size: 1 | 2 | 3 | 4): number | undefined {
    if (size > this.left) return undefined
    let value = 0
    for (let i = 0; i < size; i++) value = (value << 8) | (this.#bytes[this.#offset + i] ?? 0)
    this.#offset += size
    return value
  }
}
