/**
 * Secret sharing over GF(2^8) (Shamir 1979): any `threshold` of the shares give the secret, fewer say nothing about it. A share is one octet
 * per octet of the secret and, last, the point it belongs to: the layout of Vault and of the npm package
 * `shamir-secret-sharing`. Shares carry no check of their own: wrong or mixed ones give another secret, silently; what tells
 * is a commitment beside them (LCU/1, section 2.1). In constant time as far as secrets go.
 *
 * @module
 */
import type { Random } from '../ground/random.ts'
import { addProducts, overPublic, timesPublic } from './gf256.ts'

export interface Sharing {
  /** 2 to 255. */
  readonly shares: number
  /** 2 to `shares`. */
  readonly threshold: number
}

/** Points but zero, where the secret is. */
const SHARES_MAX = 255
const THRESHOLD_MIN = 2

/**
 * Shares of a secret at points drawn by chance.
 *
 * @throws RangeError for an empty secret, or numbers that are not as {@link Sharing} says
 */
export function generateShares(secret: Uint8Array, sharing: Sharing, random: Random): Uint8Array[] {
  const { shares } = sharing
  checkSharing(sharing)
  return sharesAt(drawPoints(shares, random), secret, sharing.threshold, random)
}

/**
 * Shares of a secret at given points: for new shares of an old one (refresh: of zeroes, to be added to what is held; reshare:
 * of what each old holder contributes).
 *
 * @param points distinct, 1 to 255
 * @throws RangeError for an empty secret, points that are none, or a threshold that is not 2 to their number
 */
export function sharesAt(
  points: readonly number[],
  secret: Uint8Array,
  threshold: number,
  random: Random,
): Uint8Array[] {
  checkSharing({ shares: points.length, threshold })
  checkPoints(points)
  const { length } = secret
  if (length === 0) throw new RangeError('Cannot share an empty secret')
  const rows = Array.from({ length: threshold - 1 }, () => random.bytes(length))
  const sum = new Int32Array((length + 3) >> 2)
  const shares = points.map((point) => {
    sum.fill(0)
    addProducts(sum, secret, length, 1)
    let power = 1
    for (const row of rows) {
      power = timesPublic(power, point)
      addProducts(sum, row, length, power)
    }
    return octetsOf(sum, length, point)
  })
  sum.fill(0)
  for (const row of rows) row.fill(0)
  return shares
}

/**
 * The secret of as many shares as its threshold, or more.
 *
 * @throws RangeError for fewer than two shares, for shares of different lengths, without octets, or of one point
 */
export function reconstructSecret(shares: readonly Uint8Array[]): Uint8Array {
  return valuesAt(0, shares)
}

/**
 * Whether all shares are of one secret and a threshold of at most `threshold`: the first ones give the others. Says
 * nothing about which is wrong. Not in constant time as to the answer.
 *
 * @throws RangeError as {@link reconstructSecret}, or for fewer shares than the threshold
 */
export function areConsistent(shares: readonly Uint8Array[], threshold: number): boolean {
  if (shares.length < threshold) throw new RangeError('Cannot compare fewer than the threshold')
  pointsOf(shares)
  const first = shares.slice(0, threshold)
  return shares.slice(threshold).every((share) => {
    const values = valuesAt(share[share.length - 1] as number, first)
    const isSame = values.every((value, i) => value === share[i])
    values.fill(0)
    return isSame
  })
}

/** What the polynomials through these shares are at a point. */
function valuesAt(point: number, shares: readonly Uint8Array[]): Uint8Array {
  const weights = weightsOf(pointsOf(shares), point)
  const length = (shares[0]?.length ?? 1) - 1
  const sum = new Int32Array((length + 3) >> 2)
  for (let i = 0; i < shares.length; i++) {
    addProducts(sum, shares[i] as Uint8Array, length, weights[i] as number)
  }
  const values = octetsOf(sum, length)
  sum.fill(0)
  return values
}

/**
 * What one share contributes to the secret beside those of other points: the sum of all contributions is the secret. For a
 * reshare: each holder deals its own.
 *
 * @param points of all who contribute, this share's among them: as many as the threshold, or more
 * @throws RangeError for points that are none, twice, or not with this share's
 */
export function contribution(share: Uint8Array, points: readonly number[]): Uint8Array {
  checkPoints(points)
  const length = share.length - 1
  const own = points.indexOf(share[length] ?? 0)
  if (own < 0) throw new RangeError('Cannot contribute a share of another point')
  const sum = new Int32Array((length + 3) >> 2)
  addProducts(sum, share, length, weightsOf(points, 0)[own] as number)
  const part = octetsOf(sum, length)
  sum.fill(0)
  return part
}

/** The sum of shares of one point. @throws RangeError for none, or of different points or lengths */
export function sumOfShares(shares: readonly Uint8Array[]): Uint8Array {
  const [first] = shares
  if (first === undefined) throw new RangeError('Cannot add no shares')
  const sum = first.slice()
  const last = first.length - 1
  for (const share of shares.slice(1)) {
    if (share.length !== first.length || share[last] !== first[last]) {
      throw new RangeError('Cannot add shares of different points or lengths')
    }
    for (let i = 0; i < last; i++) sum[i] = (sum[i] as number) ^ (share[i] as number)
  }
  return sum
}

/** Points of shares that can be put together. */
function pointsOf(shares: readonly Uint8Array[]): number[] {
  if (shares.length < THRESHOLD_MIN) throw new RangeError('Cannot reconstruct from fewer than two')
  const { length } = shares[0] as Uint8Array
  if (length < 2) throw new RangeError('Cannot reconstruct from empty shares')
  const points: number[] = []
  for (const share of shares) {
    if (share.length !== length) throw new RangeError('Shares are not of one length')
    points.push(share[length - 1] as number)
  }
  checkPoints(points)
  return points
}

/** Lagrange's weights at a point. */
function weightsOf(points: readonly number[], at: number): Uint8Array {
  const weights = new Uint8Array(points.length)
  for (let i = 0; i < points.length; i++) {
    const point = points[i] as number
    let above = 1
    let below = 1
    for (let k = 0; k < points.length; k++) {
      if (k === i) continue
      const other = points[k] as number
      above = timesPublic(above, other ^ at)
      below = timesPublic(below, other ^ point)
    }
    weights[i] = overPublic(above, below)
  }
  return weights
}

function drawPoints(count: number, random: Random): number[] {
  const points = new Set<number>()
  while (points.size < count) {
    for (const point of random.bytes(count)) {
      if (point !== 0 && points.size < count) points.add(point)
    }
  }
  return [...points]
}

function checkSharing({ shares, threshold }: Sharing): void {
  const isWhole = Number.isInteger(shares) && Number.isInteger(threshold)
  if (!isWhole || shares > SHARES_MAX || threshold < THRESHOLD_MIN || threshold > shares) {
    throw new RangeError(`Cannot share by ${threshold} of ${shares}`)
  }
}

function checkPoints(points: readonly number[]): void {
  for (let i = 0; i < points.length; i++) {
    const point = points[i] as number
    if (!Number.isInteger(point) || point < 1 || point > SHARES_MAX) {
      throw new RangeError('A share has no point')
    }
    if (points.indexOf(point) < i) throw new RangeError('Two shares are of one point')
  }
}

/** Octets of words, the lowest first, and a point behind them. */
function octetsOf(words: Int32Array, length: number, point?: number): Uint8Array {
  const octets = new Uint8Array(point === undefined ? length : length + 1)
  for (let at = 0; at < length; at += 4) {
    const word = words[at >> 2] as number
    octets[at] = word
    // What is past the end is nowhere: the point comes after.
    octets[at + 1] = word >>> 8
    octets[at + 2] = word >>> 16
    octets[at + 3] = word >>> 24
  }
  if (point !== undefined) octets[length] = point
  return octets
}
