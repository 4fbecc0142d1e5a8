/**
 * Shares of keys that are never put together (LCU/1): made by all holders together (Pedersen 1991, with the proofs of possession of
 * Komlo and Goldberg, "FROST", 2020, figure 1) or by one dealer, and reshared, to the same holders or others. Each is the same: some deal
 * (`crypto/feldman.ts`), each receiver checks what it was dealt and adds it up. Whoever deals what it should not is named.
 *
 * All receivers have to see the same commitments: they go into the manifest, which every holder compares before it takes a new
 * generation.
 *
 * @module
 */
import { type Dealing, dealScalar, hasImage, imageAt, type KeyShare } from '../../crypto/feldman.ts'
import {
  drawScalar,
  isSameOctets,
  type PrimeGroup,
  weightAtZero,
} from '../../crypto/prime-group.ts'
import { isLogarithmKnown, proveLogarithm, type SchnorrContext } from '../../crypto/schnorr.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'

/** Whom a dealing is for. */
export interface Receivers {
  readonly points: readonly number[]
  readonly threshold: number
}

/** What is expected of dealers, by why they deal. Their points are distinct. */
export type Purpose =
  /** A new key: any secrets, each proven to be known. One dealer alone is one who knows the key. */
  | {
      readonly kind: 'make'
      readonly dealers: readonly number[]
      /** Names the key and this attempt at it: a proof is good for no other. */
      readonly context: Uint8Array
    }
  /** New shares of the same key: of the shares of these dealers, as many as the old threshold. */
  | {
      readonly kind: 'reshare'
      readonly dealers: readonly number[]
      /** Of the old polynomial. */
      readonly commitments: readonly Uint8Array[]
    }

/** What a receiver gets of one dealer. From anywhere. */
export interface Received {
  readonly dealer: number
  /** The same for all receivers. */
  readonly commitments: readonly Uint8Array[]
  /** Of a new key: that the dealer knows what it dealt. */
  readonly proof?: Uint8Array
  /** Secret, for this receiver alone. */
  readonly share: Uint8Array
}

export type Taken =
  /** Commitments are of the new polynomial. */
  | {
      readonly kind: 'taken'
      readonly share: Uint8Array
      readonly commitments: readonly Uint8Array[]
    }
  /** Who dealt nothing, or what it should not have. */
  | { readonly kind: 'refused'; readonly dealers: readonly number[] }

/** A dealing of a new key's part, and the proof that goes with it. */
export function dealNewKey(
  group: PrimeGroup,
  dealer: number,
  context: Uint8Array,
  { points, threshold }: Receivers,
  random: Random,
): Dealing & { readonly proof: Uint8Array } {
  const secret = drawScalar(group, random)
  const dealing = dealScalar(group, secret, points, threshold, random)
  const proof = proveLogarithm(group, secret, possession(dealer, context), random)
  secret.fill(0)
  return { ...dealing, proof }
}

/** A dealing of what this share contributes beside those of the other dealers. */
export function dealShare(
  group: PrimeGroup,
  { point, share }: KeyShare,
  dealers: readonly number[],
  { points, threshold }: Receivers,
  random: Random,
): Dealing {
  const part = group.multiplyScalars(weightAtZero(group, dealers, point), share)
  const dealing = dealScalar(group, part, points, threshold, random)
  part.fill(0)
  return dealing
}

/** What a receiver at `point` was dealt by all of them, checked and added. */
export function takeDealings(
  group: PrimeGroup,
  purpose: Purpose,
  threshold: number,
  point: number,
  received: readonly Received[],
): Taken {
  const good: Received[] = []
  const bad: number[] = []
  for (const dealer of purpose.dealers) {
    const [one, another] = received.filter((each) => each.dealer === dealer)
    if (
      one !== undefined &&
      another === undefined &&
      isGood(group, purpose, threshold, point, one)
    ) {
      good.push(one)
    } else bad.push(dealer)
  }
  const [first, ...rest] = good
  if (bad.length > 0 || first === undefined) return { kind: 'refused', dealers: bad }
  return {
    kind: 'taken',
    share: rest.reduce<Uint8Array>(
      (sum, { share }) => group.addScalars(sum, share),
      first.share.slice(),
    ),
    commitments: addCommitments(
      group,
      good.map(({ commitments }) => commitments),
    ),
  }
}

function isGood(
  group: PrimeGroup,
  purpose: Purpose,
  threshold: number,
  point: number,
  { dealer, commitments, proof, share }: Received,
): boolean {
  const [constant, ...higher] = commitments
  if (constant === undefined || commitments.length !== threshold) return false
  if (!higher.every((one) => group.isElement(one))) return false
  if (!isExpected(group, purpose, dealer, constant, proof)) return false
  return hasImage(group, share, imageAt(group, point, commitments))
}

function isExpected(
  group: PrimeGroup,
  purpose: Purpose,
  dealer: number,
  constant: Uint8Array,
  proof: Uint8Array | undefined,
): boolean {
  if (purpose.kind === 'reshare') {
    const weight = weightAtZero(group, purpose.dealers, dealer)
    const image = imageAt(group, dealer, purpose.commitments)
    return isSameOctets(constant, group.multiply(weight, image))
  }
  return (
    group.isElement(constant) &&
    proof !== undefined &&
    isLogarithmKnown(group, proof, constant, possession(dealer, purpose.context))
  )
}

/** Term by term. */
function addCommitments(
  group: PrimeGroup,
  polynomials: readonly (readonly Uint8Array[])[],
): Uint8Array[] {
  const [first = [], ...rest] = polynomials
  return first.map((term, k) =>
    rest.reduce((sum, other) => group.add(sum, other[k] ?? group.identity), term),
  )
}

/** Schnorr's proof is good for this dealer and context alone. */
function possession(dealer: number, context: Uint8Array): SchnorrContext {
  return { prefix: joinOctets(POSSESSION_LABEL, Uint8Array.of(dealer)), context }
}

const POSSESSION_LABEL = octetsOf('limen/lcu/1 dkg\0')
