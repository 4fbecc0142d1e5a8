/**
 * Proof that one knows the logarithm of an element (Schnorr 1991, made non-interactive as Fiat and Shamir 1986): R = k x generator and k + c x secret, with
 * c = SHA-512(prefix | element | R | context) modulo the order.
 *
 * @module
 */
import { sha512 } from '@noble/hashes/sha2.js'
import { joinOctets } from '../ground/octets.ts'
import type { Random } from '../ground/random.ts'
import {
  drawScalar,
  ELEMENT_BYTES,
  isSameOctets,
  isScalar,
  type PrimeGroup,
} from './prime-group.ts'

/** What a proof is good for, and no other. */
export interface SchnorrContext {
  readonly prefix: Uint8Array
  readonly context: Uint8Array
}

/** Nonce element | response, 64 octets. */
export function proveLogarithm(
  group: PrimeGroup,
  secret: Uint8Array,
  context: SchnorrContext,
  random: Random,
): Uint8Array {
  const nonce = drawScalar(group, random)
  const commitment = group.multiplyBase(nonce)
  const challenge = challengeOf(group, context, group.multiplyBase(secret), commitment)
  const response = group.addScalars(nonce, group.multiplyScalars(challenge, secret))
  nonce.fill(0)
  return joinOctets(commitment, response)
}

/** @param proof from anywhere @param element one of the group */
export function isLogarithmKnown(
  group: PrimeGroup,
  proof: Uint8Array,
  element: Uint8Array,
  context: SchnorrContext,
): boolean {
  const commitment = proof.subarray(0, ELEMENT_BYTES)
  const response = proof.subarray(ELEMENT_BYTES)
  if (!group.isElement(commitment) || !isScalar(response)) return false
  const challenge = challengeOf(group, context, element, commitment)
  const expected = group.add(commitment, group.multiply(challenge, element))
  return isSameOctets(group.multiplyBase(response), expected)
}

function challengeOf(
  group: PrimeGroup,
  { prefix, context }: SchnorrContext,
  element: Uint8Array,
  commitment: Uint8Array,
): Uint8Array {
  const hash = sha512.create().update(prefix).update(element).update(commitment)
  return group.reduce(hash.update(context).digest())
}
