/**
 * The keys that sign `Limen-Assertion` (JWT, RFC 7519, by Ed25519, RFC 8037): edges sign, servers verify by the JWKS. A
 * signing key is no secret of the identity: who steals one from an edge can tell our servers lies until it
 * rolls, and open nothing.
 *
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { AssertionKey } from '../../../ports/data-plane.ts'

export interface AssertionPair {
  /** 32 bytes, secret. */
  readonly seed: Uint8Array
  /** Seconds since 1970. */
  readonly madeAt: number
}

/** What edges are given; the bytes are the caller's to zero. */
export function assertionKeyOf({ seed }: AssertionPair): AssertionKey {
  const key = privateOf(seed)
  const privateKey = key.export({ format: 'der', type: 'pkcs8' })
  return { kid: thumbprint(publicOf(key)), privateKey }
}

/** JWK Set (RFC 7517) of all of them. */
export function assertionJwks(pairs: readonly AssertionPair[]): Uint8Array {
  const keys = pairs.map(({ seed }) => {
    const x = publicOf(privateOf(seed))
    return { kty: 'OKP', crv: 'Ed25519', x, kid: thumbprint(x), use: 'sig', alg: 'EdDSA' }
  })
  return Buffer.from(JSON.stringify({ keys }))
}

function privateOf(seed: Uint8Array): KeyObject {
  const key = Buffer.from(seed)
  return createPrivateKey({ key, format: 'raw-private', asymmetricKeyType: 'ed25519' })
}

/** base64url of the public key. */
function publicOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: 'raw-public' }).toString('base64url')
}

/** RFC 7638, with the members of an OKP key (RFC 8037 section 2). */
function thumbprint(x: string): string {
  const members = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x })
  return createHash('sha256').update(members).digest('base64url')
}
