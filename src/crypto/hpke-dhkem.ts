/**
 * HPKE (RFC 9180), base mode, one message per context, with HKDF-SHA256 and ChaCha20-Poly1305, from a Diffie-Hellman secret that somebody
 * else computed: for keys in custody, of which nobody has the secret (`threshold-dh.ts`). ristretto255 has no KEM number of its
 * own: see {@link KEM_RISTRETTO255}.
 *
 * @module
 */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { joinOctets, octetsOf } from '../ground/octets.ts'

/** DHKEM(ristretto255, HKDF-SHA256), after RFC 9180, section 4.1. Not registered with IANA. */
export const KEM_RISTRETTO255 = 0xfe01

/** What both ends know. */
export interface KemOutcome {
  readonly kem: number
  /** Secret: of the ephemeral key and the recipient's. */
  readonly dh: Uint8Array
  /** The ephemeral public key. */
  readonly enc: Uint8Array
  readonly publicKey: Uint8Array
}

/** Ciphertext and tag. */
export function sealHpke(
  outcome: KemOutcome,
  info: Uint8Array,
  aad: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const { key, nonce } = schedule(outcome, info)
  const sealed = chacha20poly1305(key, nonce, aad).encrypt(plain)
  key.fill(0)
  return sealed
}

/** undefined for what was not sealed to this key, `info` and `aad`. */
export function openHpke(
  outcome: KemOutcome,
  info: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined
  const { key, nonce } = schedule(outcome, info)
  try {
    return chacha20poly1305(key, nonce, aad).decrypt(sealed)
  } catch {
    return undefined
  } finally {
    key.fill(0)
  }
}

/** Section 4.1 (ExtractAndExpand), then 5.1 (KeySchedule). */
function schedule({ kem, dh, enc, publicKey }: KemOutcome, info: Uint8Array) {
  const kemSuite = joinOctets(octetsOf('KEM'), twoOctets(kem))
  const shared = labeledExpand(
    kemSuite,
    labeledExtract(kemSuite, NOTHING, 'eae_prk', dh),
    'shared_secret',
    joinOctets(enc, publicKey),
    32,
  )
  const numbers = [kem, KDF_HKDF_SHA256, AEAD_CHACHA20_POLY1305].map(twoOctets)
  const suite = joinOctets(octetsOf('HPKE'), ...numbers)
  const context = joinOctets(
    Uint8Array.of(MODE_BASE),
    labeledExtract(suite, NOTHING, 'psk_id_hash', NOTHING),
    labeledExtract(suite, NOTHING, 'info_hash', info),
  )
  const secret = labeledExtract(suite, shared, 'secret', NOTHING)
  shared.fill(0)
  const key = labeledExpand(suite, secret, 'key', context, KEY_BYTES)
  const nonce = labeledExpand(suite, secret, 'base_nonce', context, NONCE_BYTES)
  secret.fill(0)
  return { key, nonce }
}

function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array) {
  return extract(sha256, joinOctets(VERSION, suite, octetsOf(label), ikm), salt)
}

function labeledExpand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
) {
  const labeled = joinOctets(twoOctets(length), VERSION, suite, octetsOf(label), info)
  return expand(sha256, prk, labeled, length)
}

function twoOctets(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255)
}

/** RFC 9180, sections 5 and 7. */
const MODE_BASE = 0
const KDF_HKDF_SHA256 = 1
const AEAD_CHACHA20_POLY1305 = 3
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const NOTHING = new Uint8Array()
const VERSION = octetsOf('HPKE-v1')
