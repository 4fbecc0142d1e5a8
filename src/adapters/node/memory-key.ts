/**
 * {@link WrappingKey} in this process: AES-256-GCM (NIST SP 800-38D) under a key that somebody had to give, by a passphrase
 * (`passphrase-key.ts`) or by shares (`keys/custody/unseal.ts`). Wrapped is, as by a token: version 1, nonce 12, ciphertext 32, tag 16;
 * the tag is over the reference, too.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import type { Random } from '../../ground/random.ts'
import { DATA_KEY_BYTES, REFERENCE_BYTES, type WrappingKey } from '../../ports/wrapping-key.ts'

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + NONCE_BYTES
const CIPHER = 'aes-256-gcm'

/** @param key 32 octets; zeroed here, and kept outside of the heap until closed */
export function memoryWrappingKey(
  key: Uint8Array,
  reference: Uint8Array,
  random: Random,
): WrappingKey {
  if (key.length !== DATA_KEY_BYTES || reference.length !== REFERENCE_BYTES) {
    throw new RangeError('A wrapping key has 32 octets, its reference 16')
  }
  let secret = createSecretKey(key)
  key.fill(0)
  let isClosed = false
  const open = () => {
    if (isClosed) throw new RangeError('Cannot use a wrapping key that is closed')
    return secret
  }
  return {
    reference,
    async wrap(data) {
      if (data.length !== DATA_KEY_BYTES) throw new RangeError('A data key has 32 octets')
      const nonce = random.bytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, open(), nonce).setAAD(reference)
      const body = [cipher.update(data), cipher.final(), cipher.getAuthTag()]
      return new Uint8Array(Buffer.concat([Buffer.of(VERSION), nonce, ...body]))
    },
    async unwrap(wrapped) {
      const key = open()
      const isWhole = wrapped.length === HEAD_BYTES + DATA_KEY_BYTES + TAG_BYTES
      if (!isWhole || wrapped[0] !== VERSION) return undefined
      const nonce = wrapped.subarray(1, HEAD_BYTES)
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(reference).setAuthTag(wrapped.subarray(-TAG_BYTES))
      const plain = decipher.update(wrapped.subarray(HEAD_BYTES, -TAG_BYTES))
      const data = new Uint8Array(plain)
      plain.fill(0)
      try {
        decipher.final()
        return data
      } catch {
        data.fill(0)
        return undefined
      }
    },
    close() {
      isClosed = true
      // The only way to let a KeyObject go.
      secret = createSecretKey(Buffer.alloc(DATA_KEY_BYTES))
    },
  }
}
