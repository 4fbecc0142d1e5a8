/**
 * The cryptography of the key server in LSK/1: opening a client's first message, agreeing on a key, deriving from it.
 * Synchronous: it takes well under a millisecond. Secrets come and go as bytes; who gets them zeroes them.
 *
 * @module
 */
import type { Suite } from '../wire/key-message.ts'

export interface KeyAgreement {
  /**
   * Opens what was sealed to key `keyId` (HPKE base mode). `unknown`: no such key, or past its time; undefined: not
   * sealed to that key with this `info` and `header`.
   */
  openInit(
    keyId: number,
    init: { readonly enc: Uint8Array; readonly header: Uint8Array; readonly sealed: Uint8Array },
    info: Uint8Array,
    now: number,
  ): { readonly plain: Uint8Array; readonly exporter: Uint8Array } | 'unknown' | undefined
  /** An ephemeral key of ours with the client's; undefined for a share that cannot be (all-zero, off the curve). */
  agree(
    suite: Suite,
    share: Uint8Array,
    mlKemKey: Uint8Array | undefined,
  ):
    | {
        /** What the client needs to agree: our share, then the ML-KEM ciphertext. */
        readonly field: Uint8Array
        readonly dh: Uint8Array
        readonly mlKem: Uint8Array | undefined
      }
    | undefined
  /** SHA-256 of the parts one after the other. */
  hash(...parts: readonly Uint8Array[]): Uint8Array
  /** HKDF-SHA256 (RFC 5869): what `take` makes of it, which expands by `info`s, to 32 bytes at most each, of what is extracted once. */
  hkdf<T>(
    ikm: Uint8Array,
    salt: Uint8Array,
    take: (expand: (info: Uint8Array, bytes: number) => Uint8Array) => T,
  ): T
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array
  /** Same bytes? In constant time. */
  equal(a: Uint8Array, b: Uint8Array): boolean
  /** AES-128-GCM with the tag behind. */
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array
  /** A device's signature: ECDSA P-256 with SHA-256 (r || s), or Ed25519, by the length of the key. */
  verifyDevice(key: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean
}
