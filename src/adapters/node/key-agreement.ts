/**
 * {@link KeyAgreement} by OpenSSL. Holds the key server's private keys, as KeyObjects; the seeds they were made of
 * are kept, wrapped, by who made them.
 *
 * @module
 */
import {
  createCipheriv,
  createPublicKey,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  hash,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import { EXPORT_CONTEXT } from '../../keys/session/key-schedule.ts'
import type { KeyAgreement } from '../../ports/key-agreement.ts'
import { SUITE } from '../../wire/key-message.ts'
import { hmacSha256 } from './hmac.ts'
import { type HpkeKeyPair, mlKemPublicKey, newX25519, x25519 } from './hpke.ts'

/** A key pair clients seal to, by its id. Times in seconds since 1970. */
export interface KeyServerPair {
  readonly keyId: number
  readonly pair: HpkeKeyPair
  readonly notBefore: number
  readonly expires: number
}

const ED25519_KEY_BYTES = 32
const HASH_BYTES = 32
const FIRST_ROUND = Buffer.of(1)

/** @param pairs asked anew for each message: they roll over */
export function opensslKeyAgreement(pairs: () => readonly KeyServerPair[]): KeyAgreement {
  return {
    openInit(keyId, { enc, header, sealed }, info, now) {
      const key = pairs().find((each) => each.keyId === keyId)
      if (key === undefined || now < key.notBefore || now >= key.expires) return 'unknown'
      const context = key.pair.receive(enc, info)
      const plain = context?.open(sealed, header)
      if (context === undefined || plain === undefined) return undefined
      return { plain, exporter: context.export(EXPORT_CONTEXT, 32) }
    },
    agree(suite, share, mlKemKey) {
      if (suite === SUITE.p256) return agreeP256(share)
      const { privateKey, share: ours } = newX25519()
      const dh = x25519(privateKey, share)
      if (dh === undefined) return undefined
      if (mlKemKey === undefined) return { field: ours, dh, mlKem: undefined }
      const encapsulated = encapsulateTo(mlKemKey)
      if (encapsulated === undefined) return undefined
      const field = Buffer.concat([ours, encapsulated.ciphertext])
      return { field, dh, mlKem: encapsulated.sharedKey }
    },
    hash: (...parts) => {
      const [first] = parts
      const whole = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
      return hash('sha256', whole, 'buffer')
    },
    hkdf,
    hmac: (key, data) => hmacSha256(key, data),
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    seal(key, nonce, aad, plain) {
      const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(aad)
      return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    verifyDevice(key, data, signature) {
      try {
        return key.length === ED25519_KEY_BYTES
          ? verify(null, data, ed25519Key(key), signature)
          : verify('sha256', data, { key: p256Key(key), dsaEncoding: 'ieee-p1363' }, signature)
      } catch {
        return false
      }
    },
  }
}

/** RFC 5869, one round of Expand: keys of a session have 32 bytes at most. */
function hkdf<T>(
  ikm: Uint8Array,
  salt: Uint8Array,
  take: (expand: (info: Uint8Array, bytes: number) => Uint8Array) => T,
): T {
  const prk = hmacSha256(salt, ikm)
  try {
    return take((info, bytes) => {
      if (bytes > HASH_BYTES) throw new RangeError(`Cannot derive ${bytes} bytes: at most 32`)
      return hmacSha256(prk, info, FIRST_ROUND).subarray(0, bytes)
    })
  } finally {
    prk.fill(0)
  }
}

function agreeP256(share: Uint8Array) {
  try {
    const peer = p256Key(share)
    const { privateKey, publicKey: field } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { format: 'raw-public', type: 'uncompressed' },
    })
    return { field, dh: diffieHellman({ privateKey, publicKey: peer }), mlKem: undefined }
  } catch {
    // Not a point of the curve.
    return undefined
  }
}

/** undefined for what is no ML-KEM-768 key (FIPS 203 section 7.2 asks for the check). */
function encapsulateTo(mlKemKey: Uint8Array) {
  try {
    return encapsulate(mlKemPublicKey(mlKemKey))
  } catch {
    return undefined
  }
}

function p256Key(point: Uint8Array) {
  const key = Buffer.from(point)
  return createPublicKey({
    key,
    format: 'raw-public',
    asymmetricKeyType: 'ec',
    namedCurve: 'P-256',
  })
}

function ed25519Key(raw: Uint8Array) {
  const key = Buffer.from(raw)
  return createPublicKey({ key, format: 'raw-public', asymmetricKeyType: 'ed25519' })
}
