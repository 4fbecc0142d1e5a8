/**
 * {@link PersonSeal}: each person has a random key of 32 octets, wrapped (AES-256-GCM) under a key that is derived from the
 * record key; what is kept of the person is sealed under the person's own. Without the wrapped key it is noise, for whoever has
 * the record key too.
 *
 * | octets | what |
 * |---|---|
 * | 1 | version, 1 |
 * | 12 | nonce, random: each key seals some thousands of records, far below the 2^32 of NIST SP 800-38D |
 * | n | ciphertext, of what has been deflated (RFC 1951) |
 * | 16 | tag, over the person's id too |
 *
 * @module
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { PERSON_CHARS_MAX } from '../../behavior/person/person-record.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { PersonSeal } from '../../ports/person-store.ts'
import { aesRecordSeal } from './record-seal.ts'

const VERSION = 1
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + NONCE_BYTES
const CIPHER = 'aes-256-gcm'

/** @param master the record key, 32 octets */
export function aesPersonSeal(master: KeyObject, random: Random): PersonSeal {
  const wrapping = aesRecordSeal(master, 'person-keys', random)
  return {
    newKey(id) {
      const key = random.bytes(KEY_BYTES)
      const wrapped = wrapping.seal(id, key)
      key.fill(0)
      return wrapped
    },
    seal(id, wrapped, plain) {
      const key = wrapping.open(id, wrapped)
      if (key === undefined) {
        const text = 'The key of a person cannot be opened: was record.key replaced?'
        throw new LimenError('person-key-bad', text, { side: 'operator', retry: false })
      }
      const nonce = random.bytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(id))
      key.fill(0)
      const packed = deflateRawSync(plain)
      const body = [cipher.update(packed), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat([Buffer.of(VERSION), nonce, ...body])
    },
    open(id, wrapped, sealed) {
      if (sealed.length < HEAD_BYTES + TAG_BYTES || sealed[0] !== VERSION) return undefined
      const key = wrapping.open(id, wrapped)
      if (key === undefined) return undefined
      const nonce = sealed.subarray(1, HEAD_BYTES)
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      key.fill(0)
      decipher.setAAD(Buffer.from(id)).setAuthTag(sealed.subarray(-TAG_BYTES))
      try {
        const packed = decipher.update(sealed.subarray(HEAD_BYTES, -TAG_BYTES))
        const whole = Buffer.concat([packed, decipher.final()])
        return inflateRawSync(whole, { maxOutputLength: PERSON_CHARS_MAX })
      } catch {
        return undefined
      }
    },
  }
}
