/**
 * Tests of a client's randoms taken together (LHS/1 section 3.4): a generator can give values that look fresh one by
 * one and still repeats itself. Four tests:
 * - equal bytes: bytes that one of the last randoms has at the same place. Exact given those (Poisson-binomial, bounded
 *   by the binomial of the same mean: Hoeffding, 1956);
 * - Hamming distance of successive randoms: binomial(bits, 1/2); the normal approximation is used, from 960 bits on;
 * - nibbles: chi-square with 15 degrees of freedom, asymptotic, used from 224 nibbles on.
 * - bits that stand still: of 256 places, each is the same in n fresh randoms with a chance of 2^(1-n). Exact binomial.
 * They look at 4, 8, 16, ... randoms and pay for each look (the chance times (k + 1)(k + 2) at look k, times four tests), so that
 * looking for ever costs no more than looking once. Plain JSON data, about 850 bytes.
 *
 * @module
 */
import { digitsOf, logBinomialTail, logChiSquareTail, logNormalTails } from '../../math/tails.ts'
import type { Reason } from '../decision.ts'

export interface RandomEvidence {
  /** Randoms of this block. */
  n: number
  /** Blocks that are over. */
  blocks: number
  /** The last ones as hex: what the next is compared with. */
  last: string[]
  /** Bytes equal to one at the same place, bytes compared, and how many should have been equal. */
  equal: number
  compared: number
  expected: number
  /** Bits that differ between successive randoms, and bits compared. */
  differing: number
  bits: number
  /** Counts of the 16 nibbles. */
  nibbles: number[]
  /** Bits that were set in all randoms of this block, and in any: 64 hex digits each, '' before the first. */
  all: string
  any: string
  /** What the last look found, in digits: each test's chance, multiplied by the number of looks and tests. */
  found: { equal: number; hamming: number; nibbles: number; still?: number }
}

const LAST_MAX = 5
const FIRST_LOOK = 4
/** A block: what a client does wrong from now on shows, however long it did well before. */
const BLOCK = 1024
const TESTS = 4
/** Below, the approximations are not used. */
const NIBBLES_MIN = 224
const BITS_MIN = 672

export function newRandomEvidence(): RandomEvidence {
  return {
    n: 0,
    blocks: 0,
    last: [],
    equal: 0,
    compared: 0,
    expected: 0,
    differing: 0,
    bits: 0,
    nibbles: new Array<number>(16).fill(0),
    all: '',
    any: '',
    found: { equal: 0, hamming: 0, nibbles: 0, still: 0 },
  }
}

/** Bytes of a random as they were taken from hex; -1 where one is not looked at. */
const bytes = new Int16Array(32)
const before = new Int16Array(32)

/**
 * Takes one more random in, 64 hex digits. `timed`: its first four bytes are the time, as TLS 1.2 had it, and are
 * left out.
 */
export function addRandom(evidence: RandomEvidence, random: string, timed: boolean): void {
  readHex(random, bytes)
  if (timed) bytes.fill(-1, 0, 4)
  countNibbles(evidence)
  compareWithLast(evidence)
  foldBits(evidence, timed)
  evidence.last.push(timed ? `--------${random.slice(8)}` : random)
  if (evidence.last.length > LAST_MAX) evidence.last.shift()
  evidence.n++
  const looks = Math.log2(evidence.n / FIRST_LOOK)
  if (looks >= 0 && Number.isInteger(looks)) look(evidence, looks)
  if (evidence.n === BLOCK) {
    const { blocks, last, found } = evidence
    Object.assign(evidence, newRandomEvidence(), { blocks: blocks + 1, last, found })
  }
}

function countNibbles(evidence: RandomEvidence): void {
  const { nibbles } = evidence
  for (let i = 0; i < 32; i++) {
    const byte = bytes[i] ?? -1
    if (byte < 0) continue
    nibbles[byte >> 4] = (nibbles[byte >> 4] ?? 0) + 1
    nibbles[byte & 15] = (nibbles[byte & 15] ?? 0) + 1
  }
}

/** The first bytes of a random that holds the time are left out: they count as bits that differ. */
function foldBits(evidence: RandomEvidence, timed: boolean): void {
  const isFirst = evidence.n === 0
  // Stored before this test was there: until the block is over all bits count as differing.
  readHex(evidence.all || NONE, all)
  readHex(evidence.any || EVERY, any)
  for (let i = 0; i < 32; i++) {
    const byte = bytes[i] ?? 0
    const isOut = timed && i < 4
    all[i] = isOut ? 0 : isFirst ? byte : (all[i] ?? 0) & byte
    any[i] = isOut ? 255 : isFirst ? byte : (any[i] ?? 0) | byte
  }
  evidence.all = toHex(all)
  evidence.any = toHex(any)
}

const NONE = '00'.repeat(32)
const EVERY = 'ff'.repeat(32)
const all = new Int16Array(32)
const any = new Int16Array(32)

/** Places at which all randoms had the same bit. */
function stillBits(evidence: RandomEvidence): number {
  readHex(evidence.all || NONE, all)
  readHex(evidence.any || EVERY, any)
  let still = 0
  for (let i = 0; i < 32; i++) still += 8 - (ONES[((all[i] ?? 0) ^ (any[i] ?? 0)) & 255] ?? 0)
  return still
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function toHex(values: Int16Array): string {
  let text = ''
  for (let i = 0; i < values.length; i++) text += HEX[(values[i] ?? 0) & 255]
  return text
}

/** How many different values the last randoms have at each place, and whether this one has one of them. */
function compareWithLast(evidence: RandomEvidence): void {
  const { last } = evidence
  if (last.length === 0) return
  for (let j = 0; j < last.length; j++) {
    readHex(last[j] ?? '', before)
    for (let i = 0; i < 32; i++) places[i * LAST_MAX + j] = before[i] ?? -1
  }
  for (let i = 0; i < 32; i++) {
    const byte = bytes[i] ?? -1
    if (byte < 0) continue
    comparePlace(evidence, i * LAST_MAX, last.length, byte)
    // `before` is the youngest of the last.
    const previous = before[i] ?? -1
    if (previous < 0) continue
    evidence.bits += 8
    evidence.differing += ONES[byte ^ previous] ?? 0
  }
}

function comparePlace(evidence: RandomEvidence, at: number, count: number, byte: number): void {
  let different = 0
  let equal = 0
  for (let j = at; j < at + count; j++) {
    const value = places[j] ?? -1
    if (value < 0) continue
    if (value === byte) equal = 1
    let isFirst = 1
    for (let i = at; i < j; i++) if (places[i] === value) isFirst = 0
    different += isFirst
  }
  if (different === 0) return
  evidence.compared++
  evidence.expected += different / 256
  evidence.equal += equal
}

/** Bytes of the last randoms, by place. */
const places = new Int16Array(32 * LAST_MAX)
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let bits = byte; bits > 0; bits >>= 1) count += bits & 1
  return count
})

function look(evidence: RandomEvidence, looks: number): void {
  const paid = Math.log10((looks + 1) * (looks + 2) * TESTS * (evidence.blocks + 1) ** 2)
  const digits = (log: number) => Math.max(0, digitsOf(log) - paid)
  const { equal, compared, expected, bits, differing, nibbles, found } = evidence
  const mean = compared === 0 ? 0 : expected / compared
  found.still = digits(logBinomialTail(stillBits(evidence), 256, 2 ** (1 - evidence.n)))
  found.equal = equal > expected ? digits(logBinomialTail(equal, compared, mean)) : 0
  const z = (differing - bits / 2) / Math.sqrt(Math.max(1, bits) / 4)
  found.hamming = bits >= BITS_MIN ? digits(logNormalTails(z)) : 0
  let total = 0
  for (const count of nibbles) total += count
  let square = 0
  for (const count of nibbles) square += (count - total / 16) ** 2 / (total / 16)
  found.nibbles = total >= NIBBLES_MIN ? digits(logChiSquareTail(square, 15)) : 0
}

/**
 * Below this a finding is no news. The looks are paid for, so this is the chance with which an honest client is ever taken for
 * one with a broken generator: one in 100 000, a hundredth of the budget for all detectors (`falsePositiveBudget`). It is a
 * choice; the generators of `eval/generators.ts` pass it within 20 hellos, or do not pass 3 either.
 */
const DIGITS_MIN = 5

/** What the tests say, the strongest only: they look at the same bytes. */
export function randomReasons(evidence: RandomEvidence): Reason[] {
  const { equal, hamming, nibbles, still = 0 } = evidence.found
  const most = Math.max(equal, hamming, nibbles, still)
  if (most < DIGITS_MIN) return []
  const reason = (code: string, text: string): Reason[] => [
    { code, text, weight: most, detector: 'randomness' },
  ]
  if (most === equal) {
    return reason('randoms-alike', 'Its randoms have the same bytes at the same places')
  }
  if (most === still) {
    return reason('randoms-stand-still', 'Some bits of its randoms are always the same')
  }
  return most === hamming
    ? reason('randoms-related', 'Its randoms differ from one another in too few or too many bits')
    : reason('randoms-uneven', 'Some values turn up in its randoms far more often than others')
}

function readHex(text: string, into: Int16Array): void {
  for (let i = 0; i < 32; i++) {
    const high = digit(text.charCodeAt(i * 2))
    const low = digit(text.charCodeAt(i * 2 + 1))
    into[i] = high < 0 || low < 0 ? -1 : high * 16 + low
  }
}

function digit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  return code >= 97 && code <= 102 ? code - 87 : -1
}
