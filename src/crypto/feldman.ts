/**
 * Shares of a scalar that can be checked (Feldman 1987): the dealer publishes what the coefficients of its polynomial come to in
 * the group, and everyone sees whether a share fits, and what the public counterpart of each share is. Several dealings
 * added are one: so keys are made, refreshed and reshared (`keys/custody/group-shares.ts`).
 *
 * @module
 */
import type { Random } from '../ground/random.ts'
import { drawScalar, isSameOctets, isScalar, type PrimeGroup, scalarOf } from './prime-group.ts'

/** What one dealer hands out. */
export interface Dealing {
  /** Public: of the constant term first, as many as the threshold. */
  readonly commitments: readonly Uint8Array[]
  /** Secret, one for each point in turn. */
  readonly shares: readonly Uint8Array[]
}

/** What everybody may know of a shared key. */
export interface GroupKey {
  readonly publicKey: Uint8Array
  readonly threshold: number
  /** Of each holder's share, by its point: generator x share. */
  readonly images: ReadonlyMap<number, Uint8Array>
}

/** One holder's part of a key. */
export interface KeyShare {
  readonly point: number
  /** Secret. */
  readonly share: Uint8Array
}

/** Points are one octet in every scheme, as in `shamir.ts`. */
const POINT_MAX = 255
const THRESHOLD_MIN = 2

/**
 * @param secret a scalar
 * @throws RangeError for points that are none or twice, or a threshold that is not 2 to their number
 */
export function dealScalar(
  group: PrimeGroup,
  secret: Uint8Array,
  points: readonly number[],
  threshold: number,
  random: Random,
): Dealing {
  checkDeal(points, threshold)
  const higher = Array.from({ length: threshold - 1 }, () => drawScalar(group, random))
  const commitments = [secret, ...higher].map((one) => group.multiplyBase(one))
  const shares = points.map((point) => {
    const at = scalarOf(point)
    let sum = scalarOf(0)
    for (const coefficient of [...higher].reverse()) {
      sum = group.multiplyScalars(group.addScalars(sum, coefficient), at)
    }
    return group.addScalars(sum, secret)
  })
  for (const one of higher) one.fill(0)
  return { commitments, shares }
}

/**
 * The public counterpart of the share at a point: generator x share.
 *
 * @throws RangeError for commitments that are no elements
 */
export function imageAt(
  group: PrimeGroup,
  point: number,
  commitments: readonly Uint8Array[],
): Uint8Array {
  const at = scalarOf(point)
  let sum = commitments.at(-1) ?? group.identity
  for (const commitment of commitments.slice(0, -1).reverse()) {
    // A dealer that wants to can make a sum on the way the identity, which is not multiplied.
    sum = isSameOctets(sum, group.identity)
      ? commitment
      : group.add(group.multiply(at, sum), commitment)
  }
  return sum
}

/** @throws RangeError for commitments that are no elements */
export function groupKeyOf(
  group: PrimeGroup,
  commitments: readonly Uint8Array[],
  points: readonly number[],
): GroupKey {
  if (!commitments.every((one) => group.isElement(one))) {
    throw new RangeError('Cannot make a key of what are no elements')
  }
  const images = new Map(points.map((point) => [point, imageAt(group, point, commitments)]))
  const publicKey = commitments[0] ?? group.identity
  return { publicKey, threshold: commitments.length, images }
}

/** Whether a share, from anywhere, is the one whose public counterpart this is. */
export function hasImage(group: PrimeGroup, share: Uint8Array, image: Uint8Array): boolean {
  return isScalar(share) && isSameOctets(group.multiplyBase(share), image)
}

function checkDeal(points: readonly number[], threshold: number): void {
  const isPoint = (point: number) => Number.isInteger(point) && point >= 1 && point <= POINT_MAX
  if (!points.every(isPoint) || new Set(points).size !== points.length) {
    throw new RangeError('Cannot deal to points that are not 1 to 255, each once')
  }
  if (!Number.isInteger(threshold) || threshold < THRESHOLD_MIN || threshold > points.length) {
    throw new RangeError(`Cannot share by ${threshold} of ${points.length}`)
  }
}
