/**
 * Proof that two elements have the same logarithm (Chaum and Pedersen 1992), as RFC 9497, section 2.2 has it, of one pair: D = k x C under
 * the public key B = k x generator.
 *
 * @module
 */

import { sha512 } from '@noble/hashes/sha2.js'
import { joinOctets, octetsOf } from '../ground/octets.ts'
import type { Random } from '../ground/random.ts'
import { hashToScalar } from './hash-to-group.ts'
import { drawScalar, isSameOctets, isScalar, type PrimeGroup, SCALAR_BYTES } from './prime-group.ts'

export interface DleqStatement {
  /** B. */
  readonly publicKey: Uint8Array
  /** C. */
  readonly element: Uint8Array
  /** D. */
  readonly product: Uint8Array
}

/** Challenge and response. */
export const PROOF_BYTES = 2 * SCALAR_BYTES

/**
 * Section 2.2.1.
 *
 * @param context the protocol's name: a proof is good for no other
 */
export function proveDleq(
  group: PrimeGroup,
  context: Uint8Array,
  scalar: Uint8Array,
  statement: DleqStatement,
  random: Random,
): Uint8Array {
  const weight = compositeWeight(group, context, statement)
  const composite = group.multiply(weight, statement.element)
  const image = group.multiply(scalar, composite)
  const nonce = drawScalar(group, random)
  const commitments = [group.multiplyBase(nonce), group.multiply(nonce, composite)]
  const parts = [statement.publicKey, composite, image, ...commitments]
  const challenge = challengeOf(group, context, parts)
  const proof = new Uint8Array(PROOF_BYTES)
  proof.set(challenge)
  proof.set(group.subtractScalars(nonce, group.multiplyScalars(challenge, scalar)), SCALAR_BYTES)
  nonce.fill(0)
  return proof
}

/**
 * Section 2.2.2. `product` and `proof` may come from anywhere.
 *
 * @throws RangeError for a public key or element that are none
 */
export function isDleq(
  group: PrimeGroup,
  context: Uint8Array,
  statement: DleqStatement,
  proof: Uint8Array,
): boolean {
  const challenge = proof.subarray(0, SCALAR_BYTES)
  const response = proof.subarray(SCALAR_BYTES)
  if (!isScalar(challenge) || !isScalar(response) || !group.isElement(statement.product)) {
    return false
  }
  const weight = compositeWeight(group, context, statement)
  const composite = group.multiply(weight, statement.element)
  const image = group.multiply(weight, statement.product)
  const sum = (a: Uint8Array, b: Uint8Array) => group.add(a, group.multiply(challenge, b))
  const parts = [
    statement.publicKey,
    composite,
    image,
    sum(group.multiplyBase(response), statement.publicKey),
    sum(group.multiply(response, composite), image),
  ]
  return isSameOctets(challengeOf(group, context, parts), challenge)
}

/** ComputeComposites, of one pair. */
function compositeWeight(
  group: PrimeGroup,
  context: Uint8Array,
  { publicKey, element, product }: DleqStatement,
): Uint8Array {
  const seed = sha512(transcript([publicKey, joinOctets(SEED_LABEL, context)]))
  const index = Uint8Array.of(0, 0)
  const message = [transcript([seed]), index, transcript([element, product]), COMPOSITE_LABEL]
  return hashToScalar(group, joinOctets(...message), joinOctets(SCALAR_LABEL, context))
}

function challengeOf(
  group: PrimeGroup,
  context: Uint8Array,
  parts: readonly Uint8Array[],
): Uint8Array {
  const message = joinOctets(transcript(parts), CHALLENGE_LABEL)
  return hashToScalar(group, message, joinOctets(SCALAR_LABEL, context))
}

/** Each part with its length before it. */
function transcript(parts: readonly Uint8Array[]): Uint8Array {
  return joinOctets(
    ...parts.flatMap((part) => [Uint8Array.of(part.length >> 8, part.length & 255), part]),
  )
}

const SEED_LABEL = octetsOf('Seed-')
const SCALAR_LABEL = octetsOf('HashToScalar-')
const COMPOSITE_LABEL = octetsOf('Composite')
const CHALLENGE_LABEL = octetsOf('Challenge')
