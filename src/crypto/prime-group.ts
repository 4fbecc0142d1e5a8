/**
 * A group of prime order, as threshold protocols need it: edwards25519's subgroup (RFC 8032) or ristretto255 (RFC 9496), which have one order.
 * Elements and scalars are octets, 32 each: scalars little-endian and below the order. What is handed a secret scalar takes the same time
 * whatever it is. Implemented in `adapters/node/sodium-groups.ts`.
 *
 * @module
 */
import type { Random } from '../ground/random.ts'

export interface PrimeGroup {
  /** The element that changes none. */
  readonly identity: Uint8Array
  /** A number of 64 octets, little-endian, modulo the order. */
  reduce(wide: Uint8Array): Uint8Array
  addScalars(a: Uint8Array, b: Uint8Array): Uint8Array
  subtractScalars(a: Uint8Array, b: Uint8Array): Uint8Array
  multiplyScalars(a: Uint8Array, b: Uint8Array): Uint8Array
  /** @throws RangeError for zero */
  invertScalar(a: Uint8Array): Uint8Array
  /** Whether these octets, from anywhere, are an element other than the identity, in its only encoding. */
  isElement(bytes: Uint8Array): boolean
  /** @throws RangeError for what is no point; whether it is an element, and encoded as it has to be, says `isElement()` */
  add(a: Uint8Array, b: Uint8Array): Uint8Array
  /** @throws RangeError for what is no element or gives the identity: not for the scalar 0, nor the identity */
  multiply(scalar: Uint8Array, element: Uint8Array): Uint8Array
  /** Of the group's generator. @throws RangeError for the scalar 0 */
  multiplyBase(scalar: Uint8Array): Uint8Array
}

/** An element times a scalar below the order, both public. */
export interface PublicProduct {
  readonly scalar: Uint8Array
  readonly element: Uint8Array
}

/** A group in which signatures are made. */
export interface SigningGroup extends PrimeGroup {
  /**
   * The sum of all of these, from anywhere. In variable time: for public values alone. undefined: one is no point in its only encoding. Whether
   * the sum is an element says `isElement()`.
   */
  sumPublic(
    elements: readonly Uint8Array[],
    products: readonly PublicProduct[],
  ): Uint8Array | undefined
  /** Ed25519 (RFC 8032), one signature. */
  isSignature(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}

/** A group that octets can be mapped into. */
export interface MappedGroup extends PrimeGroup {
  /** The one-way map of 64 uniform octets (RFC 9496, section 4.3.4): nobody knows the result's logarithm. */
  fromUniform(bytes: Uint8Array): Uint8Array
}

export const ELEMENT_BYTES = 32
export const SCALAR_BYTES = 32
/** Twice a scalar: reduced, it is uniform up to 2^-256. */
const WIDE_BYTES = 64

/** RFC 8032, section 5.1: 2^252 + 27742317777372353535851937790883648493, little-endian. */
const ORDER = Uint8Array.of(
  0xed,
  0xd3,
  0xf5,
  0x5c,
  0x1a,
  0x63,
  0x12,
  0x58,
  0xd6,
  0x9c,
  0xf7,
  0xa2,
  0xde,
  0xf9,
  0xde,
  0x14,
  ...new Array<number>(15).fill(0),
  0x10,
)

/** Whether these octets, from anywhere, are a scalar in its only encoding, other than zero. In constant time. */
export function isScalar(bytes: Uint8Array): boolean {
  if (bytes.length !== SCALAR_BYTES) return false
  let borrow = 0
  let any = 0
  for (let i = 0; i < SCALAR_BYTES; i++) {
    const octet = bytes[i] as number
    any |= octet
    borrow = ((octet - (ORDER[i] as number) - borrow) >> 8) & 1
  }
  return borrow === 1 && any !== 0
}

/** A small number as a scalar. */
export function scalarOf(value: number): Uint8Array {
  const scalar = new Uint8Array(SCALAR_BYTES)
  scalar[0] = value
  scalar[1] = value >>> 8
  return scalar
}

export function drawScalar(group: PrimeGroup, random: Random): Uint8Array {
  const wide = random.bytes(WIDE_BYTES)
  const scalar = group.reduce(wide)
  wide.fill(0)
  return scalar
}

/**
 * Lagrange's weight of one point among others, at zero: secret = sum of weight x share.
 *
 * @throws RangeError for a point twice, or one that is not among them
 */
export function weightAtZero(
  group: PrimeGroup,
  points: readonly number[],
  point: number,
): Uint8Array {
  if (new Set(points).size !== points.length || !points.includes(point)) {
    throw new RangeError('Cannot weigh a point that is not there once')
  }
  let above = scalarOf(1)
  let below = scalarOf(1)
  for (const other of points) {
    if (other === point) continue
    above = group.multiplyScalars(above, scalarOf(other))
    below = group.multiplyScalars(below, group.subtractScalars(scalarOf(other), scalarOf(point)))
  }
  return group.multiplyScalars(above, group.invertScalar(below))
}

/** Of two public values. */
export function isSameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i])
}
