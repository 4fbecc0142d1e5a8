/**
 * The key that signs what Limen tells (ES256, RFC 7518), made on first use and kept sealed; and the tokens it signs, compact JWS
 * (RFC 7515) of the type `secevent+jwt`.
 *
 * @module
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { readPrivateFile, writePrivateFile } from '../../../adapters/node/private-file.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { RecordSeal } from '../../../ports/record-seal.ts'

export interface SignalKey {
  /** JWK Set (RFC 7517) of the public key. */
  readonly jwks: { readonly keys: readonly object[] }
  /** Compact JWS of a JSON object. */
  sign(claims: object): string
}

const SEAL_NAME = 'signals-key'

/** @throws LimenError `signals-key-bad` when it cannot be opened */
export function openSignalKey(path: string, seal: RecordSeal): SignalKey {
  const privateKey = readKey(path, seal) ?? makeKey(path, seal)
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  // RFC 7638.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  const header = encoded({ alg: 'ES256', typ: 'secevent+jwt', kid })
  return {
    jwks: { keys: [{ ...{ kty, crv, x, y, kid }, alg: 'ES256', use: 'sig' }] },
    sign(claims) {
      const signed = `${header}.${encoded(claims)}`
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
      return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
    },
  }
}

function readKey(path: string, seal: RecordSeal): KeyObject | undefined {
  const sealed = readPrivateFile(path)
  if (sealed === undefined) return undefined
  const der = seal.open(SEAL_NAME, sealed)
  if (der === undefined) {
    const text = `${path} cannot be read (another record.key?): remove it, and receivers of signals need the new key`
    throw new LimenError('signals-key-bad', text, { side: 'operator', retry: false })
  }
  const key = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
  der.fill(0)
  return key
}

function makeKey(path: string, seal: RecordSeal): KeyObject {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = privateKey.export({ format: 'der', type: 'pkcs8' })
  writePrivateFile(path, seal.seal(SEAL_NAME, der))
  der.fill(0)
  return privateKey
}

function encoded(json: object): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url')
}
