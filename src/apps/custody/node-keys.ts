/**
 * The keys of an embedded custody node, derived from one secret: HKDF-SHA-256 (RFC 5869) of it, `info` is
 * `"limen/custody node" 0x00 | what`. A node that is configured by a file has them in files.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto'
import { type HpkeKeyPair, hpkeKeyPair } from '../../adapters/node/hpke.ts'
import { memoryWrappingKey } from '../../adapters/node/memory-key.ts'
import type { Random } from '../../ground/random.ts'
import { REFERENCE_BYTES, type WrappingKey } from '../../ports/wrapping-key.ts'
import { KEM } from '../../wire/key-config.ts'

export interface NodeKeys {
  readonly sealing: HpkeKeyPair
  readonly signing: KeyObject
  readonly wrapping: WrappingKey
}

const KEY_BYTES = 32

/** @param secret 32 octets; still the caller's */
export function nodeKeysOf(secret: Uint8Array, random: Random): NodeKeys {
  const part = (what: string, bytes = KEY_BYTES): Uint8Array<ArrayBuffer> =>
    new Uint8Array(hkdfSync('sha256', secret, '', `limen/custody node\0${what}`, bytes))
  const seed = part('sealing')
  const sealing = hpkeKeyPair(KEM.x25519, seed)
  seed.fill(0)
  return {
    sealing,
    signing: ed25519PrivateKey(part('signing')),
    wrapping: memoryWrappingKey(part('wrapping'), part('reference', REFERENCE_BYTES), random),
  }
}

/** Of a private or public key of Ed25519: 32 octets. */
export function publicOctets(key: KeyObject): Uint8Array {
  const isPublic = key.type === 'public'
  const octets = (isPublic ? key : createPublicKey(key)).export({ format: 'raw-public' })
  return new Uint8Array(octets)
}

/** @param seed 32 octets (RFC 8032, section 5.1.5); zeroed here */
export function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  const key = Buffer.from(seed)
  seed.fill(0)
  try {
    return createPrivateKey({ key, format: 'raw-private', asymmetricKeyType: 'ed25519' })
  } finally {
    key.fill(0)
  }
}
