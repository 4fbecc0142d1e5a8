/**
 * Bits of a NAL unit of H.264 or H.265, without the octets that keep start codes out of it (H.264 section 7.3.1, H.265 section 7.3.1.1),
 * and the numbers of variable length in them (Exp-Golomb, section 9.1 of H.264, 9.2 of H.265).
 *
 * @module
 */
/** A longer prefix is of no number of 32 bits. */
const PREFIX_MAX = 31

export class RbspBits {
  /** Something was read that is not there; what was read since the beginning says nothing. */
  isOver = false
  readonly #octets: Uint8Array
  #at = 0
  #left = 0
  #octet = 0
  #zeros = 0

  /** @param octets after the header of the unit */
  constructor(octets: Uint8Array) {
    this.#octets = octets
  }

  /** @param count 32 at most */
  u(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value = value * 2 + this.#bit()
    return value
  }

  ue(): number {
    let prefix = 0
    while (this.#bit() === 0) {
      if (this.isOver || ++prefix > PREFIX_MAX) {
        this.isOver = true
        return 0
      }
    }
    return 2 ** prefix - 1 + this.u(prefix)
  }

  se(): number {
    const code = this.ue()
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2
  }

  skip(count: number): void {
    for (let i = 0; i < count; i++) this.#bit()
  }

  #bit(): number {
    if (this.#left === 0) this.#next()
    if (this.isOver) return 0
    this.#left--
    return (this.#octet >> this.#left) & 1
  }

  #next(): void {
    if (this.#zeros >= 2 && this.#octets[this.#at] === 3) {
      this.#at++
      this.#zeros = 0
    }
    const octet = this.#octets[this.#at++]
    if (octet === undefined) {
      this.isOver = true
      return
    }
    this.#octet = octet
    this.#left = 8
    this.#zeros = octet === 0 ? this.#zeros + 1 : 0
  }
}
