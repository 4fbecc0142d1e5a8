/**
 * FROST(Ed25519, SHA-512) (RFC 9591, section 6.1): holders of shares sign together in two rounds, nobody ever has the key, and the
 * signature is a plain one of Ed25519 (RFC 8032). Where shares come from: `feldman.ts`.
 *
 * @module
 */

import { sha512 } from '@noble/hashes/sha2.js'
import { fromHex } from '../ground/hex.ts'
import { joinOctets, octetsOf } from '../ground/octets.ts'
import type { Random } from '../ground/random.ts'
import type { GroupKey, KeyShare } from './feldman.ts'
import {
  isSameOctets,
  isScalar,
  type PrimeGroup,
  SCALAR_BYTES,
  type SigningGroup,
  scalarOf,
  weightAtZero,
} from './prime-group.ts'

/** What a signer publishes in round one. Secret nonces belong to it: {@link SigningNonces}. */
export interface SigningCommitment {
  readonly point: number
  readonly hiding: Uint8Array
  readonly binding: Uint8Array
}

/**
 * Round one (section 5.1): the nonces of one signature. They sign once and are gone: a second signature by the same nonces
 * would tell the share. To be kept in memory only.
 */
export class SigningNonces {
  readonly commitment: SigningCommitment
  #secret: readonly [hiding: Uint8Array, binding: Uint8Array] | undefined

  constructor(group: PrimeGroup, { point, share }: KeyShare, random: Random) {
    const hiding = drawNonce(group, share, random)
    const binding = drawNonce(group, share, random)
    this.#secret = [hiding, binding]
    this.commitment = {
      point,
      hiding: group.multiplyBase(hiding),
      binding: group.multiplyBase(binding),
    }
  }

  /**
   * Round two (section 5.2): this signer's share of the signature of `message`.
   *
   * @param commitments of all signers, this one's among them, ascending by point
   * @throws RangeError for nonces that signed, or commitments that are not as said; the nonces are used up either way
   */
  sign(
    group: SigningGroup,
    key: Pick<GroupKey, 'publicKey' | 'threshold'>,
    { point, share }: KeyShare,
    commitments: readonly SigningCommitment[],
    message: Uint8Array,
  ): Uint8Array {
    const secret = this.#secret
    this.#secret = undefined
    if (secret === undefined) throw new RangeError('Cannot sign twice with the same nonces')
    const [hiding, binding] = secret
    try {
      const own = commitments.find((one) => one.point === point)
      if (own === undefined || !isSameCommitment(own, this.commitment)) {
        throw new RangeError('Cannot sign beside commitments without our own')
      }
      // What RFC 9591 refuses as it decodes them: who commits to nothing takes no part.
      if (commitments.some((one) => isOfSmallOrder(one.hiding) || isOfSmallOrder(one.binding))) {
        throw new RangeError('Cannot sign beside a commitment to nothing')
      }
      const factors = bindingFactors(group, key, commitments, message)
      const nonce = groupNonce(group, commitments, factors)
      // Each commitment alone would cost as much again: parts of small order in them that cancel each other out change nothing.
      if (nonce === undefined || !group.isElement(nonce)) {
        throw new RangeError('Cannot sign with this group nonce')
      }
      const weight = weightAtZero(group, pointsOf(commitments), point)
      const challenge = challengeOf(group, nonce, key.publicKey, message)
      const weighed = group.multiplyScalars(group.multiplyScalars(weight, challenge), share)
      const bound = group.multiplyScalars(binding, factors.get(point) as Uint8Array)
      const nonces = group.addScalars(hiding, bound)
      const signatureShare = group.addScalars(nonces, weighed)
      for (const secretly of [weighed, bound, nonces]) secretly.fill(0)
      return signatureShare
    } finally {
      hiding.fill(0)
      binding.fill(0)
    }
  }
}

export type Aggregate =
  | { readonly kind: 'signed'; readonly signature: Uint8Array }
  /** Points of those whose share of the signature is wrong. */
  | { readonly kind: 'refused'; readonly signers: readonly number[] }

/**
 * The signature (section 5.3). It is checked, and only when it is none, each commitment and each share of it (section 5.4): one check
 * instead of three for each signer.
 *
 * @param commitments ascending by point, from anywhere
 * @param shares by point, from anywhere
 * @throws RangeError for fewer commitments than the threshold, or points that do not ascend
 */
export function aggregateSignature(
  group: SigningGroup,
  key: GroupKey,
  commitments: readonly SigningCommitment[],
  message: Uint8Array,
  shares: ReadonlyMap<number, Uint8Array>,
): Aggregate {
  const factors = bindingFactors(group, key, commitments, message)
  const nonce = groupNonce(group, commitments, factors)
  const signature = nonce && joinOctets(nonce, sumOfShares(group, commitments, shares))
  if (signature !== undefined && group.isSignature(signature, message, key.publicKey)) {
    return { kind: 'signed', signature }
  }
  const points = pointsOf(commitments)
  const challenge = nonce && challengeOf(group, nonce, key.publicKey, message)
  const isGood = (commitment: SigningCommitment): boolean => {
    if (!isCommitment(group, commitment)) return false
    // Nobody can sign beside what is no commitment.
    if (challenge === undefined) return true
    const { point, hiding, binding } = commitment
    const share = shares.get(point)
    const image = key.images.get(point)
    if (share === undefined || image === undefined || !isScalar(share)) return false
    const weight = weightAtZero(group, points, point)
    const products = [
      { scalar: factors.get(point) as Uint8Array, element: binding },
      { scalar: group.multiplyScalars(challenge, weight), element: image },
    ]
    const expected = group.sumPublic([hiding], products)
    return expected !== undefined && isSameOctets(group.multiplyBase(share), expected)
  }
  return { kind: 'refused', signers: pointsOf(commitments.filter((one) => !isGood(one))) }
}

/** The identity, or another of the eight points whose product with 8 it is, in their only encodings. */
function isOfSmallOrder(point: Uint8Array): boolean {
  return SMALL_ORDER.some((y) =>
    y.every((octet, i) => octet === (point[i] ?? 0) % (i < 31 ? 256 : 128)),
  )
}

/** Whether a commitment, from anywhere, is one. */
export function isCommitment(group: PrimeGroup, { hiding, binding }: SigningCommitment): boolean {
  return group.isElement(hiding) && group.isElement(binding)
}

/** Section 4.4, by point. */
function bindingFactors(
  group: PrimeGroup,
  { publicKey, threshold }: Pick<GroupKey, 'publicKey' | 'threshold'>,
  commitments: readonly SigningCommitment[],
  message: Uint8Array,
): ReadonlyMap<number, Uint8Array> {
  const points = pointsOf(commitments)
  if (points.length < threshold) throw new RangeError('Cannot sign below the threshold')
  if (points.some((point, i) => point <= (points[i - 1] ?? 0))) {
    throw new RangeError('Cannot sign beside commitments that do not ascend')
  }
  const encoded = sha512.create().update(CONTEXT).update(LABELS.com)
  for (const { point, hiding, binding } of commitments) {
    encoded.update(scalarOf(point)).update(hiding).update(binding)
  }
  const messageHash = sha512.create().update(CONTEXT).update(LABELS.msg).update(message).digest()
  const prefix = sha512.create().update(CONTEXT).update(LABELS.rho)
  prefix.update(publicKey).update(messageHash).update(encoded.digest())
  return new Map(
    points.map((point) => {
      return [point, group.reduce(prefix.clone().update(scalarOf(point)).digest())]
    }),
  )
}

/** The group commitment (section 4.5). undefined: some commitment is no two points. */
function groupNonce(
  group: SigningGroup,
  commitments: readonly SigningCommitment[],
  factors: ReadonlyMap<number, Uint8Array>,
): Uint8Array | undefined {
  return group.sumPublic(
    commitments.map(({ hiding }) => hiding),
    commitments.map(({ point, binding }) => {
      return { scalar: factors.get(point) as Uint8Array, element: binding }
    }),
  )
}

function sumOfShares(
  group: PrimeGroup,
  commitments: readonly SigningCommitment[],
  shares: ReadonlyMap<number, Uint8Array>,
): Uint8Array {
  let sum = scalarOf(0)
  for (const { point } of commitments) {
    const share = shares.get(point)
    if (share?.length === SCALAR_BYTES) sum = group.addScalars(sum, share)
  }
  return sum
}

function challengeOf(
  group: PrimeGroup,
  nonce: Uint8Array,
  publicKey: Uint8Array,
  message: Uint8Array,
): Uint8Array {
  return group.reduce(sha512.create().update(nonce).update(publicKey).update(message).digest())
}

/** Section 4.1: chance and the share together, so that a bad source of chance alone does not tell the share. */
function drawNonce(group: PrimeGroup, share: Uint8Array, random: Random): Uint8Array {
  const chance = random.bytes(NONCE_RANDOM_BYTES)
  const hash = sha512.create().update(CONTEXT).update(LABELS.nonce).update(chance).update(share)
  const wide = hash.digest()
  const nonce = group.reduce(wide)
  chance.fill(0)
  wide.fill(0)
  return nonce
}

const NONCE_RANDOM_BYTES = 32
/** Section 6.1. */
const CONTEXT = octetsOf('FROST-ED25519-SHA512-v1')
const LABELS = {
  rho: octetsOf('rho'),
  nonce: octetsOf('nonce'),
  msg: octetsOf('msg'),
  com: octetsOf('com'),
} as const

/** Without the sign of x: orders 4, 1, 2, and twice 8. */
const SMALL_ORDER = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(fromHex)

function pointsOf(commitments: readonly SigningCommitment[]): number[] {
  return commitments.map(({ point }) => point)
}

function isSameCommitment(a: SigningCommitment, b: SigningCommitment): boolean {
  return isSameOctets(a.hiding, b.hiding) && isSameOctets(a.binding, b.binding)
}
