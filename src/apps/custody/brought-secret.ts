/**
 * A secret that somebody brings into custody, checked for what it is to do before it goes there: nodes take any octets, and who brought them
 * removes what there was.
 *
 * @module
 */
import { createPrivateKey } from 'node:crypto'
import type { Random } from '../../ground/random.ts'
import type { KeyUse } from '../../keys/custody/key-label.ts'
import { SECRET_BYTES_MAX } from '../../wire/share-record.ts'
import { AES_KEY_BYTES, operate } from './secret-operation.ts'

export type BroughtSecret =
  /** Memory of its own; the caller zeroes it. */
  | { readonly kind: 'good'; readonly secret: Uint8Array }
  | { readonly kind: 'bad'; readonly says: string }

/** 128 bits; NIST SP 800-131A wants 112. A shorter one can be guessed against its check value, which is public. */
const MAC_BYTES_MIN = 16
const PEM = '-----BEGIN '

/** @param bytes as a file has them; still the caller's */
export function broughtSecret(use: KeyUse, bytes: Uint8Array, random: Random): BroughtSecret {
  const { length } = bytes
  if (length === 0) return bad('it is empty')
  if (length > SECRET_BYTES_MAX) return bad(`it has more than ${SECRET_BYTES_MAX} octets`)
  if (use === 'encrypt' && length !== AES_KEY_BYTES) {
    return bad(`a key to encrypt has ${AES_KEY_BYTES} octets, as they are; these are ${length}`)
  }
  if (use === 'mac' && length < MAC_BYTES_MIN) {
    return bad(`a key to mac has ${MAC_BYTES_MIN} octets at least; these are ${length}`)
  }
  return use === 'sign-assembled' ? signingKey(bytes, random) : good(new Uint8Array(bytes))
}

function signingKey(bytes: Uint8Array, random: Random): BroughtSecret {
  const secret = derOf(bytes)
  const asked = { keyId: new Uint8Array(), input: bytes.subarray(0, 1), aad: new Uint8Array() }
  try {
    if (secret !== undefined && operate('sign', secret, asked, random) !== undefined) {
      return good(secret)
    }
  } catch {
    // E.g. RSA that is too short for the hash.
  }
  secret?.fill(0)
  return bad(
    'a key to sign is PKCS #8, DER or PEM without a passphrase, of Ed25519, ECDSA or RSA, and signs',
  )
}

/** PKCS #8. undefined: PEM of something else. */
function derOf(bytes: Uint8Array): Uint8Array | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!view.subarray(0, PEM.length).equals(Buffer.from(PEM))) return new Uint8Array(bytes)
  try {
    const der = createPrivateKey(view).export({ format: 'der', type: 'pkcs8' })
    const secret = new Uint8Array(der)
    der.fill(0)
    return secret
  } catch {
    return undefined
  }
}

function good(secret: Uint8Array): BroughtSecret {
  return { kind: 'good', secret }
}

function bad(says: string): BroughtSecret {
  return { kind: 'bad', says }
}
