/**
 * "Was this proof used before?" within the time a proof is good for (LSK/1, replay scope `edge`): two tables that take
 * turns, so that forgetting costs nothing. They hold 64 bits of each proof under a secret key, outside the heap: a proof
 * that was here is always known; one of 10^13 that was not is taken for one that was. Scopes over several edges ask
 * others besides.
 *
 * @module
 */
import { HalfSipHash, KEY_BYTES } from '../../crypto/half-sip-hash.ts'
import type { Random } from '../../ground/random.ts'

/** A proof may be this old, and this far ahead, in seconds (RFC 9421 `created`). */
export const PROOF_AGE_S = 30
export const PROOF_AHEAD_S = 5
/** A table is kept as long again as a proof in it may still be good: no hole when they turn. */
const TURN_S = PROOF_AGE_S + PROOF_AHEAD_S
/** Slots to begin with; a power of two. */
const SLOTS_MIN = 1024

export class ReplayWindow {
  readonly #hash: HalfSipHash
  readonly #proofsMax: number
  #current = new Fingerprints()
  #previous = new Fingerprints()
  #turnedAt = 0

  /**
   * @param proofsMax proofs remembered per turn, 16 to 32 bytes each; when there are more, further ones are refused
   * @param random for a key of its own: who knew it could choose proofs that are long in the search
   */
  constructor(proofsMax: number, random: Random) {
    this.#proofsMax = proofsMax
    this.#hash = new HalfSipHash(random.bytes(KEY_BYTES))
  }

  /**
   * Remembers a proof. `replay` when it was here before; `full` when it cannot be told, because more proofs came
   * than can be remembered.
   *
   * @param proof in ASCII
   * @param now seconds; a clock that steps back keeps what is remembered
   */
  meet(proof: string, now: number): 'fresh' | 'replay' | 'full' {
    const age = now - this.#turnedAt
    if (age >= TURN_S) {
      this.#previous = age >= 2 * TURN_S ? new Fingerprints() : this.#current
      this.#current = new Fingerprints()
      this.#turnedAt = now
    }
    const hash = this.#hash
    hash.hash(proof)
    const { low } = hash
    // Two zeroes are an empty slot.
    const high = low === 0 && hash.high === 0 ? 1 : hash.high
    if (this.#previous.has(low, high) || this.#current.has(low, high)) return 'replay'
    if (this.#current.size >= this.#proofsMax) return 'full'
    this.#current.add(low, high)
    return 'fresh'
  }
}

/** A set of 64-bit numbers, each as two of 32 bits, not both zero: open addressing, linear probing, at most half full. */
class Fingerprints {
  size = 0
  #slots = new Int32Array(2 * SLOTS_MIN)

  has(low: number, high: number): boolean {
    const at = this.#find(low, high)
    return this.#slots[at] !== 0 || this.#slots[at + 1] !== 0
  }

  /** One that is not there. */
  add(low: number, high: number): void {
    if (this.size * 4 >= this.#slots.length) this.#grow()
    this.#put(low, high)
    this.size++
  }

  #put(low: number, high: number): void {
    const at = this.#find(low, high)
    this.#slots[at] = low
    this.#slots[at + 1] = high
  }

  /** Where it is, or the empty slot where it would be. */
  #find(low: number, high: number): number {
    const slots = this.#slots
    const last = slots.length - 2
    let at = (low << 1) & last
    for (;;) {
      const seenLow = slots[at] as number
      const seenHigh = slots[at + 1] as number
      if (seenLow === low && seenHigh === high) return at
      if (seenLow === 0 && seenHigh === 0) return at
      at = (at + 2) & last
    }
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(2 * old.length)
    for (let at = 0; at < old.length; at += 2) {
      const low = old[at] as number
      const high = old[at + 1] as number
      if (low !== 0 || high !== 0) this.#put(low, high)
    }
  }
}
