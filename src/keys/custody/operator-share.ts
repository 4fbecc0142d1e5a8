/**
 * The share of an operator as text that can be written down: of a wrapping key of 32 octets, which opens a node only when
 * enough operators have given theirs (`unseal.ts`). Base32 of Crockford (no I, L, O, U; small letters count), in groups of four.
 *
 *     limen-share-1 04G2-0R40-...
 *
 * | bytes | |
 * |---|---|
 * | 1 | threshold |
 * | 1 | shares |
 * | 16 | reference of the wrapping key |
 * | 4 | generation |
 * | 33 | share, its point last |
 * | 32 | salt |
 * | 5 | SHA-256 of `"limen/lcu/1 operator share" 0x00` and all before, first bytes: finds slips of the pen |
 *
 * Octets of ASCII, not a string: they can be zeroed.
 *
 * @module
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { octetsOf } from '../../ground/octets.ts'
import { u32 } from '../../wire/big-endian.ts'
import type { OctetShare } from './octet-shares.ts'

export interface OperatorShare {
  readonly threshold: number
  readonly shares: number
  /** 16 octets. */
  readonly reference: Uint8Array
  readonly held: OctetShare
}

export type OperatorShareOutcome =
  | { readonly kind: 'read'; readonly share: OperatorShare }
  /** `format`: not such a text; `checksum`: one with a mistake in it. */
  | { readonly kind: 'refused'; readonly code: 'format' | 'checksum' }

const PREFIX = octetsOf('limen-share-1 ')
const LABEL = octetsOf('limen/lcu/1 operator share\0')
const DIGITS = octetsOf('0123456789ABCDEFGHJKMNPQRSTVWXYZ')
const REFERENCE_AT = 2
const GENERATION_AT = 18
const SHARE_AT = 22
const SALT_AT = 55
const CHECK_AT = 87
/** With five octets of checksum the whole is some 147 digits. */
const BYTES = CHECK_AT + 5
const DIGIT_COUNT = Math.ceil((BYTES * 8) / 5)
const GROUP = 4
const DASH = 0x2d

/** One line, without its end. Secret. @throws RangeError for a share that is not of 32 octets */
export function writeOperatorShare({
  threshold,
  shares,
  reference,
  held,
}: OperatorShare): Uint8Array {
  if (held.share.length !== SALT_AT - SHARE_AT || held.salt.length !== CHECK_AT - SALT_AT) {
    throw new RangeError('An operator holds a share of 32 octets')
  }
  const bytes = new Uint8Array(BYTES)
  bytes.set([threshold, shares])
  bytes.set(reference, REFERENCE_AT)
  new DataView(bytes.buffer).setUint32(GENERATION_AT, held.generation)
  bytes.set(held.share, SHARE_AT)
  bytes.set(held.salt, SALT_AT)
  bytes.set(checkOf(bytes), CHECK_AT)
  const digits = digitsOf(bytes)
  const text = new Uint8Array(PREFIX.length + DIGIT_COUNT + Math.ceil(DIGIT_COUNT / GROUP) - 1)
  text.set(PREFIX)
  let at = PREFIX.length
  for (let i = 0; i < DIGIT_COUNT; i++) {
    if (i > 0 && i % GROUP === 0) text[at++] = DASH
    text[at++] = digits[i] as number
  }
  digits.fill(0)
  bytes.fill(0)
  return text
}

/** One line; blanks around it and dashes and blanks between digits do not count. Never throws. */
export function readOperatorShare(line: Uint8Array): OperatorShareOutcome {
  const bytes = bytesOf(line)
  if (bytes === undefined) return { kind: 'refused', code: 'format' }
  const isRight = checkOf(bytes).every((octet, i) => octet === bytes[CHECK_AT + i])
  const [threshold = 0, shares = 0] = bytes
  if (!isRight || threshold < 2 || threshold > shares || bytes[SALT_AT - 1] === 0) {
    bytes.fill(0)
    return { kind: 'refused', code: isRight ? 'format' : 'checksum' }
  }
  const held = {
    generation: u32(bytes, GENERATION_AT),
    share: bytes.slice(SHARE_AT, SALT_AT),
    salt: bytes.slice(SALT_AT, CHECK_AT),
  }
  const reference = bytes.slice(REFERENCE_AT, GENERATION_AT)
  bytes.fill(0)
  return { kind: 'read', share: { threshold, shares, reference, held } }
}

function checkOf(bytes: Uint8Array): Uint8Array {
  const hash = sha256.create().update(LABEL).update(bytes.subarray(0, CHECK_AT)).digest()
  return hash.subarray(0, BYTES - CHECK_AT)
}

function digitsOf(bytes: Uint8Array): Uint8Array {
  const digits = new Uint8Array(DIGIT_COUNT)
  for (let i = 0; i < DIGIT_COUNT; i++) {
    const bit = i * 5
    const pair = ((bytes[bit >> 3] as number) << 8) | (bytes[(bit >> 3) + 1] ?? 0)
    digits[i] = DIGITS[(pair >> (11 - (bit & 7))) & 31] as number
  }
  return digits
}

/** undefined unless it is the prefix and as many digits as there have to be. */
function bytesOf(line: Uint8Array): Uint8Array | undefined {
  let at = 0
  while (isBlank(line[at])) at++
  for (const octet of PREFIX) if (line[at++] !== octet) return undefined
  const bytes = new Uint8Array(BYTES)
  let held = 0
  let bits = 0
  let count = 0
  let to = 0
  for (; at < line.length; at++) {
    const octet = line[at] as number
    if (octet === DASH || isBlank(octet)) continue
    const value = digitValue(octet)
    if (value < 0 || ++count > DIGIT_COUNT) return undefined
    held = ((held << 5) | value) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[to++] = (held >> bits) & 0xff
  }
  // What is over is written as zeroes.
  return count === DIGIT_COUNT && (held & ((1 << bits) - 1)) === 0 ? bytes : undefined
}

/** Crockford: o is 0, i and l are 1. */
function digitValue(octet: number): number {
  const upper = octet >= 0x61 && octet <= 0x7a ? octet - 0x20 : octet
  if (upper === 0x4f) return 0
  if (upper === 0x49 || upper === 0x4c) return 1
  return DIGITS.indexOf(upper)
}

function isBlank(octet: number | undefined): boolean {
  return octet === 0x20 || octet === 0x09 || octet === 0x0a || octet === 0x0d
}
