/**
 * {@link RecordSeal} with AES-256-GCM (NIST SP 800-38D). Each start draws a salt and derives its own key
 * from the master key (HKDF, RFC 5869), so nonces may simply count: a random 96-bit nonce would be good for only
 * 2^32 records under one key, which a busy edge writes in weeks.
 *
 * | bytes | what |
 * |---|---|
 * | 1 | version, 1 |
 * | 16 | salt of the start that sealed it |
 * | 12 | nonce: the count of records since that start |
 * | n | ciphertext |
 * | 16 | tag, over the record's name too |
 *
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import type { Random } from '../../ground/random.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'

const VERSION = 1
const SALT_BYTES = 16
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + SALT_BYTES + NONCE_BYTES
/** Derived keys kept, one per start that sealed what is being read. */
const KEYS_MAX = 64
const CIPHER = 'aes-256-gcm'

/** `purpose` parts the uses of one master key (32 bytes). */
export function aesRecordSeal(master: KeyObject, purpose: string, random: Random): RecordSeal {
  if (master.symmetricKeySize !== 32) throw new RangeError('master must be a key of 32 bytes')
  const keys = new Map<string, KeyObject>()
  const keyFor = (salt: Uint8Array): KeyObject => {
    const mark = Buffer.from(salt).toString('hex')
    const known = keys.get(mark)
    if (known !== undefined) return known
    const bytes = Buffer.from(hkdfSync('sha256', master, salt, `limen/record/${purpose}`, 32))
    const key = createSecretKey(bytes)
    bytes.fill(0)
    if (keys.size >= KEYS_MAX) keys.delete(keys.keys().next().value ?? '')
    keys.set(mark, key)
    return key
  }
  const salt = random.bytes(SALT_BYTES)
  const own = keyFor(salt)
  let count = 0n

  return {
    seal(name, plain) {
      const nonce = Buffer.alloc(NONCE_BYTES)
      nonce.writeBigUInt64BE(count++, NONCE_BYTES - 8)
      const cipher = createCipheriv(CIPHER, own, nonce).setAAD(Buffer.from(name))
      const body = [cipher.update(plain), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat([Buffer.of(VERSION), salt, nonce, ...body])
    },
    open(name, sealed) {
      if (sealed.length < HEAD_BYTES + TAG_BYTES || sealed[0] !== VERSION) return undefined
      const nonce = sealed.subarray(1 + SALT_BYTES, HEAD_BYTES)
      const key = keyFor(sealed.subarray(1, 1 + SALT_BYTES))
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(-TAG_BYTES))
      try {
        const plain = decipher.update(sealed.subarray(HEAD_BYTES, -TAG_BYTES))
        return Buffer.concat([plain, decipher.final()])
      } catch {
        return undefined
      }
    },
  }
}
