/**
 * Octets that come in pieces, in one buffer that grows up to a bound. Pieces may be secret: buffers that are left behind are zeroed.
 *
 * @module
 */
/** As most bodies are smaller. */
const BYTES_FIRST = 16_384

export class GrowingOctets {
  readonly #bytesMax: number
  #octets: Uint8Array
  #length = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
    this.#octets = new Uint8Array(Math.min(bytesMax, BYTES_FIRST))
  }

  /** False when they would be more than the bound; nothing is taken then. */
  add(piece: Uint8Array): boolean {
    const length = this.#length + piece.length
    if (length > this.#bytesMax) return false
    if (length > this.#octets.length) this.#grow(Math.max(length, 2 * this.#octets.length))
    this.#octets.set(piece, this.#length)
    this.#length = length
    return true
  }

  /** What there is; the caller zeroes it. This is empty then. */
  take(): Uint8Array {
    const whole = this.#octets.subarray(0, this.#length)
    this.#octets = new Uint8Array(0)
    this.#length = 0
    return whole
  }

  /** Zeroes what was not taken. */
  wipe(): void {
    this.#octets.fill(0)
  }

  #grow(bytes: number): void {
    const before = this.#octets
    this.#octets = new Uint8Array(Math.min(bytes, this.#bytesMax))
    this.#octets.set(before)
    before.fill(0)
  }
}
