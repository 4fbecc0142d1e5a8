/**
 * "Has this value been here lately?" over the last N values, exactly, in constant time and memory.
 * Values are kept as 64 keyed bits, so two different ones are mistaken for each other with a chance of
 * 2^-64 per pair: {@link RecentValues.chance} is what a test built on this may claim.
 *
 * @module
 */
import { u32 } from '../../wire/big-endian.ts'

const EMPTY = -1

/** A ring of the last values with an index over it. */
export class RecentValues {
  readonly #capacity: number
  readonly #seedHigh: number
  readonly #seedLow: number
  readonly #high: Uint32Array
  readonly #low: Uint32Array
  /** When each value came first, ms. */
  readonly #at: Float64Array
  /** Chains of slots with the same index, the newest first. */
  readonly #heads: Int32Array
  readonly #next: Int32Array
  #slot = 0
  #size = 0

  /**
   * @param capacity values remembered
   * @param seed 8 secret bytes, so that nobody can choose values that fall on one chain
   */
  constructor(capacity: number, seed: Uint8Array) {
    if (!(capacity >= 1)) throw new RangeError(`capacity must be at least 1, is ${capacity}`)
    if (seed.length < 8) throw new RangeError(`seed must be 8 bytes, is ${seed.length}`)
    this.#capacity = capacity
    this.#seedHigh = u32(seed, 0)
    this.#seedLow = u32(seed, 4)
    this.#high = new Uint32Array(capacity)
    this.#low = new Uint32Array(capacity)
    this.#at = new Float64Array(capacity)
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(capacity))).fill(EMPTY)
    this.#next = new Int32Array(capacity).fill(EMPTY)
  }

  /** Chance that a fresh uniformly random value is taken for one of those held. */
  get chance(): number {
    return this.#size / 2 ** 64
  }

  /** Values held. */
  get size(): number {
    return this.#size
  }

  /**
   * Looks `value` up and remembers it. Returns when it came first (ms), or undefined when it is new.
   * A value met again keeps its place, so a flood of one value costs and fills nothing.
   */
  meet(value: Uint8Array, now: number): number | undefined {
    const high = fold(value, this.#seedHigh, 0x85ebca6b, 0xc2b2ae35)
    const low = fold(value, this.#seedLow, 0xcc9e2d51, 0x1b873593)
    const index = low & (this.#heads.length - 1)
    for (let slot = this.#heads[index] ?? EMPTY; slot !== EMPTY; slot = this.#next[slot] ?? EMPTY) {
      if (this.#low[slot] === low && this.#high[slot] === high) return this.#at[slot]
    }
    const slot = this.#slot
    this.#slot = (slot + 1) % this.#capacity
    if (this.#size === this.#capacity) this.#forget(slot)
    else this.#size++
    this.#high[slot] = high
    this.#low[slot] = low
    this.#at[slot] = now
    this.#next[slot] = this.#heads[index] ?? EMPTY
    this.#heads[index] = slot
    return undefined
  }

  /** Takes the oldest value, the last of its chain, out. */
  #forget(oldest: number): void {
    const index = (this.#low[oldest] ?? 0) & (this.#heads.length - 1)
    let slot = this.#heads[index] ?? EMPTY
    if (slot === oldest) {
      this.#heads[index] = this.#next[oldest] ?? EMPTY
      return
    }
    while (slot !== EMPTY) {
      const next = this.#next[slot] ?? EMPTY
      if (next === oldest) {
        this.#next[slot] = this.#next[oldest] ?? EMPTY
        return
      }
      slot = next
    }
  }
}

/** 32 keyed bits of `value`, in the manner of MurmurHash3. */
function fold(value: Uint8Array, seed: number, first: number, second: number): number {
  let hash = seed ^ value.length
  for (let i = 0; i < value.length; i++) {
    hash = Math.imul(hash ^ (value[i] ?? 0), first)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ (hash >>> 13), second)
  return (hash ^ (hash >>> 16)) >>> 0
}
