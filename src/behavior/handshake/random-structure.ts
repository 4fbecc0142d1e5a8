/**
 * Tests of one ClientHello.random for structure that 256 fresh bits do not have. Each chance is exact, or an upper
 * bound by counting (the number of generators of a kind times the chance that one given generator made these
 * bits); what is reported has been multiplied by the number of tests. What they cannot see: generators whose
 * outputs look fresh one by one, such as a cipher with a guessable key, or the high bits of a congruential one.
 *
 * @module
 */

export interface Structure {
  readonly code: string
  readonly text: string
  /** At most this share of honest randoms is like that. */
  readonly chance: number
}

const BYTES = 32
/** Tests below, for the union bound. */
const TESTS = 8
/** Chances above this are no news: one honest hello in a million may look like that. */
const CHANCE_MAX = 1e-6

/** Returns the strongest finding about 32 bytes, undefined for most honest ones. */
export function findStructure(random: Uint8Array): Structure | undefined {
  if (random.length !== BYTES) return undefined
  let ones = 0
  let or = 0
  let and = 255
  let bytes = 0
  stamp = (stamp + 1) | 0
  for (let i = 0; i < BYTES; i++) {
    const byte = random[i] ?? 0
    ones += ONES[byte] ?? 0
    or |= byte
    and &= byte
    if (lastSeen[byte] !== stamp) {
      lastSeen[byte] = stamp
      bytes++
    }
  }
  const sequence = findSequence(random)
  if (sequence !== undefined) return sequence
  if (hasRepeatedWord(random)) {
    return found(
      'random-repeats-itself',
      'Its random holds the same four bytes twice',
      28 * 2 ** -32,
    )
  }
  if ((or ^ and) !== 255) {
    const chance = 16 * 2 ** -BYTES
    return found('random-constant-bit', 'One bit is the same in all bytes of its random', chance)
  }
  const few = FEW_BYTES[bytes] ?? 1
  if (few * TESTS <= CHANCE_MAX) {
    return found('random-few-bytes', `Its random is made of only ${bytes} different bytes`, few)
  }
  const uneven = UNEVEN_BITS[Math.abs(ones - 128)] ?? 1
  if (uneven * TESTS <= CHANCE_MAX) {
    return found('random-uneven', `Its random has ${ones} one-bits of 256`, uneven)
  }
  return undefined
}

function found(code: string, text: string, chance: number): Structure {
  return { code, text, chance: chance * TESTS }
}

/** Marks of the byte values met in the random at hand. */
const lastSeen = new Int32Array(256)
let stamp = 0

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let bits = byte; bits > 0; bits >>= 1) count += bits & 1
  return count
})

/** Chance that 32 bytes have at most that many different values: occupancy, step by step. */
const FEW_BYTES = (() => {
  let exactly = new Float64Array(BYTES + 1)
  exactly[0] = 1
  for (let drawn = 0; drawn < BYTES; drawn++) {
    const next = new Float64Array(BYTES + 1)
    for (let d = 0; d < BYTES; d++) {
      const p = exactly[d] ?? 0
      next[d] = (next[d] ?? 0) + (p * d) / 256
      next[d + 1] = (next[d + 1] ?? 0) + (p * (256 - d)) / 256
    }
    exactly = next
  }
  let sum = 0
  return exactly.map((p) => (sum += p))
})()

/** Chance that the count of one-bits is that far from 128, or farther: binomial(256, 1/2). */
const UNEVEN_BITS = (() => {
  // C(256, k) / 2^256, from the middle outwards: each is the one before times (129 - d) / (128 + d).
  const chances = new Float64Array(129)
  let log = 0
  for (let i = 1; i <= 128; i++) log += Math.log((128 + i) / i / 4)
  for (let d = 0; d <= 128; d++) {
    if (d > 0) log += Math.log((129 - d) / (128 + d))
    chances[d] = Math.exp(log)
  }
  let tail = 0
  for (let d = 128; d >= 0; d--) {
    tail += (d === 0 ? 1 : 2) * (chances[d] ?? 0)
    chances[d] = tail
  }
  return chances
})()

const words = new Uint32Array(BYTES)

/** Do its words follow x -> a x + c (mod 2^w), as counters and linear congruential generators do? */
function findSequence(random: Uint8Array): Structure | undefined {
  const bits = sequenceBits(random)
  if (bits === 0) return undefined
  return found(
    'random-follows-rule',
    'Its random is a sequence: each part follows from the one before, as from a counter or a simple generator',
    2 ** -bits,
  )
}

/**
 * -log2 of the chance, 0 for no sequence. There are 2^2w pairs (a, c), and each explains n words with a chance of
 * 2^-w(n-1): together at most 2^-w(n-3).
 */
function sequenceBits(random: Uint8Array): number {
  for (let i = 0; i < BYTES; i++) words[i] = random[i] ?? 0
  if (isAffine(BYTES, 8)) return 8 * (BYTES - 3)
  for (const big of [true, false]) {
    fill(random, 2, big)
    if (isAffine(16, 16)) return 16 * 13
    fill(random, 4, big)
    // Generators of less than 32 bits follow the rule in their low bits too.
    if (isAffine(8, 16)) return 16 * 5
    if (isMinimalStandard()) return 31 * 6
    if (isXorshift32()) return 32 * 7
    fill(random, 8, big)
    if (isAffine(4, 32)) return 32
  }
  return 0
}

/** The low 32 bits of each word of `size` bytes. */
function fill(random: Uint8Array, size: number, big: boolean): void {
  const low = Math.min(size, 4)
  for (let i = 0; i * size < BYTES; i++) {
    let value = 0
    for (let j = 0; j < low; j++) {
      const at = i * size + (big ? size - low + j : low - 1 - j)
      value = (value << 8) | (random[at] ?? 0)
    }
    words[i] = value >>> 0
  }
}

/** Is there an (a, c) with words[i + 1] = a words[i] + c (mod 2^bits) for all `count` words? */
function isAffine(count: number, bits: number): boolean {
  const mask = bits === 32 ? 0xffffffff : (1 << bits) - 1
  const step = (i: number) => (((words[i + 1] ?? 0) - (words[i] ?? 0)) & mask) >>> 0
  let previous = step(0)
  if (previous === 0) {
    for (let i = 1; i < count - 1; i++) if (step(i) !== 0) return false
    return true
  }
  // Steps grow by the factor a: all of them hold the power of two that the first holds.
  const shift = 31 - Math.clz32(previous & -previous)
  const left = (mask >>> shift) >>> 0
  const next = step(1)
  if ((next & ((1 << shift) - 1)) !== 0) return false
  const a = Math.imul(next >>> shift, inverse(previous >>> shift)) & left
  previous >>>= shift
  for (let i = 1; i < count - 1; i++) {
    const now = step(i)
    if ((now & ((1 << shift) - 1)) !== 0) return false
    const scaled = now >>> shift
    if (((Math.imul(a, previous) ^ scaled) & left) !== 0) return false
    previous = scaled
  }
  return true
}

/** The inverse of an odd number modulo 2^32, by Newton's iteration: each round doubles the right bits. */
function inverse(odd: number): number {
  let x = odd
  for (let i = 0; i < 4; i++) x = Math.imul(x, 2 - Math.imul(odd, x))
  return x
}

/** x ^= x << 13; x ^= x >> 17; x ^= x << 5: the generator of Marsaglia, "Xorshift RNGs" (2003), section 3. */
function isXorshift32(): boolean {
  for (let i = 0; i < 7; i++) {
    let x = words[i] ?? 0
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    if (x >>> 0 !== words[i + 1]) return false
  }
  return true
}

const MERSENNE_31 = 2147483647n

/** x -> a x (mod 2^31 - 1) with any a: "minimal standard" generators (Park, Miller, 1988). */
function isMinimalStandard(): boolean {
  // Seven divisions of big numbers: only for the 1 honest random in 256 that gets here.
  for (let i = 0; i < 8; i++) if ((words[i] ?? 0) >>> 31 === 1 || words[i] === 0) return false
  const big = (i: number) => BigInt(words[i] ?? 0)
  for (let i = 0; i < 6; i++) {
    // x(i+2) / x(i+1) = x(i+1) / x(i)
    if ((big(i + 2) * big(i) - big(i + 1) * big(i + 1)) % MERSENNE_31 !== 0n) return false
  }
  return true
}

/** Are two of the eight words the same? There are 28 pairs. */
function hasRepeatedWord(random: Uint8Array): boolean {
  fill(random, 4, true)
  for (let i = 0; i < 8; i++) {
    for (let j = i + 1; j < 8; j++) if (words[i] === words[j]) return true
  }
  return false
}
