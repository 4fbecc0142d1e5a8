/**
 * What a ristretto255 key in custody is for (LCU/1): to open what was sealed to it, or to derive keys of objects from their names.
 * Holders answer both alike (`crypto/threshold-dh.ts`), so a key serves one of the two, and the context of its proofs says which.
 *
 * @module
 */

import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { hashToElement } from '../../crypto/hash-to-group.ts'
import { KEM_RISTRETTO255, openHpke, sealHpke } from '../../crypto/hpke-dhkem.ts'
import {
  drawScalar,
  ELEMENT_BYTES,
  type MappedGroup,
  type PrimeGroup,
} from '../../crypto/prime-group.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'

/** Contexts of proofs. */
export const OPEN_CONTEXT = octetsOf('limen/lcu/1 open')
export const DERIVE_CONTEXT = octetsOf('limen/lcu/1 derive')
/** RFC 9380, section 3.1: who uses it, and the suite. */
const ELEMENT_TAG = octetsOf('limen/lcu/1 ristretto255_XMD:SHA-512_R255MAP_RO_')
const DATA_KEY_LABEL = octetsOf('limen/lcu/1 data key\0')
const DATA_KEY_BYTES = 32

/** Seals to a key in custody: the ephemeral key (32), ciphertext and tag. @throws RangeError for what is no key */
export function sealToCustody(
  group: PrimeGroup,
  publicKey: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  plain: Uint8Array,
  random: Random,
): Uint8Array {
  const ephemeral = drawScalar(group, random)
  const enc = group.multiplyBase(ephemeral)
  const dh = group.multiply(ephemeral, publicKey)
  ephemeral.fill(0)
  const sealed = sealHpke({ kem: KEM_RISTRETTO255, dh, enc, publicKey }, info, aad, plain)
  dh.fill(0)
  return joinOctets(enc, sealed)
}

/** What holders multiply, to open: undefined for what was sealed to no key. */
export function elementToOpen(group: PrimeGroup, sealed: Uint8Array): Uint8Array | undefined {
  const enc = sealed.subarray(0, ELEMENT_BYTES)
  return group.isElement(enc) ? enc : undefined
}

/** @param dh key x {@link elementToOpen}. Secret. @returns undefined for what was not sealed to this key, `info` and `aad` */
export function openFromCustody(
  dh: Uint8Array,
  publicKey: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const enc = sealed.subarray(0, ELEMENT_BYTES)
  const outcome = { kem: KEM_RISTRETTO255, dh, enc, publicKey }
  return openHpke(outcome, info, aad, sealed.subarray(ELEMENT_BYTES))
}

/** What holders multiply, to derive the key of an object. */
export function elementToDerive(group: MappedGroup, objectId: Uint8Array): Uint8Array {
  return hashToElement(group, objectId, ELEMENT_TAG)
}

/** The key of an object: the same whenever it is asked for. @param product key x {@link elementToDerive}. Secret */
export function dataKey(product: Uint8Array, objectId: Uint8Array): Uint8Array {
  const info = joinOctets(DATA_KEY_LABEL, objectId)
  return hkdf(sha256, product, undefined, info, DATA_KEY_BYTES)
}
