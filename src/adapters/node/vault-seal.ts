/**
 * The seal of share records (LSH1) and the keystore, the file with the data key they are sealed under, which a wrapping key wraps.
 * AES-256-GCM (NIST SP 800-38D) under a key of each record, so that nonces may be random however often shares are refreshed:
 * HKDF-SHA-256 (RFC 5869) of the data key, no salt, info = `"limen/lcu/1 record" 0x00` and the record's first 64 bytes.
 *
 * | offset | bytes | keystore |
 * |---|---|---|
 * | 0 | 4 | `LKS1` |
 * | 4 | 1 | 1 (version) |
 * | 5 | 3 | 0 |
 * | 8 | 16 | reference of the wrapping key |
 * | 24 | 4 | length of what follows |
 * | 28 | | the data key, wrapped |
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
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import { DATA_KEY_BYTES, REFERENCE_BYTES, type WrappingKey } from '../../ports/wrapping-key.ts'
import {
  type ShareHeader,
  type ShareRecord,
  writeShareHeader,
  writeShareRecord,
} from '../../wire/share-record.ts'
import { readPrivateFile, writePrivateFile } from './private-file.ts'

export interface VaultSeal {
  /** A whole LSH1. */
  seal(header: ShareHeader, secret: Uint8Array): Uint8Array
  /** To be zeroed; undefined when anything of the record was changed. */
  open(record: ShareRecord): Buffer | undefined
  close(): void
}

const MAGIC = Buffer.from('LKS1')
const VERSION = 1
const HEAD_BYTES = 28
const LABEL = Buffer.from('limen/lcu/1 record\0')
const NONCE_BYTES = 12
const CIPHER = 'aes-256-gcm'

/**
 * @param isNew whether a keystore that is missing is to be made: not where records are
 * @throws LimenError `vault-key` when the keystore is missing, damaged, or of another wrapping key; those of the wrapping key
 */
export async function openVaultSeal(
  path: string,
  wrapping: WrappingKey,
  random: Random,
  isNew: boolean,
): Promise<VaultSeal> {
  const file = readPrivateFile(path)
  if (file === undefined && !isNew) throw failed(path, 'is missing, and there are shares')
  const plain =
    file === undefined
      ? await makeDataKey(path, wrapping, random)
      : await unwrapDataKey(path, file, wrapping)
  const dataKey = createSecretKey(plain)
  plain.fill(0)
  return vaultSeal(dataKey, random)
}

function vaultSeal(dataKey: KeyObject, random: Random): VaultSeal {
  let held: KeyObject | undefined = dataKey
  /** To be zeroed. */
  const keyOf = (head: Uint8Array): Buffer => {
    if (held === undefined) throw new RangeError('Cannot use a vault that is closed')
    return Buffer.from(hkdfSync('sha256', held, '', Buffer.concat([LABEL, head]), DATA_KEY_BYTES))
  }
  return {
    seal(header, secret) {
      const head = writeShareHeader(header)
      const key = keyOf(head)
      const nonce = random.bytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(head)
      key.fill(0)
      const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()])
      return writeShareRecord(head, { nonce, ciphertext, tag: cipher.getAuthTag() })
    },
    open({ aad, nonce, ciphertext, tag }) {
      const key = keyOf(aad)
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: tag.length })
      key.fill(0)
      const plain = decipher.setAAD(aad).setAuthTag(tag).update(ciphertext)
      try {
        decipher.final()
        return plain
      } catch {
        plain.fill(0)
        return undefined
      }
    },
    close() {
      held = undefined
    },
  }
}

async function makeDataKey(
  path: string,
  wrapping: WrappingKey,
  random: Random,
): Promise<Uint8Array> {
  const key = random.bytes(DATA_KEY_BYTES)
  const wrapped = await wrapping.wrap(key)
  const head = Buffer.alloc(HEAD_BYTES)
  MAGIC.copy(head)
  head[MAGIC.length] = VERSION
  head.set(wrapping.reference, 8)
  head.writeUInt32BE(wrapped.length, HEAD_BYTES - 4)
  writePrivateFile(path, Buffer.concat([head, wrapped]))
  return key
}

async function unwrapDataKey(
  path: string,
  file: Buffer,
  wrapping: WrappingKey,
): Promise<Uint8Array> {
  const isWhole =
    file.length > HEAD_BYTES &&
    file.subarray(0, 8).equals(Buffer.concat([MAGIC, Buffer.of(VERSION, 0, 0, 0)])) &&
    file.readUInt32BE(HEAD_BYTES - 4) === file.length - HEAD_BYTES
  if (!isWhole) throw failed(path, 'is no keystore, or damaged')
  if (!file.subarray(8, 8 + REFERENCE_BYTES).equals(wrapping.reference)) {
    throw failed(path, 'is of another wrapping key')
  }
  const key = await wrapping.unwrap(file.subarray(HEAD_BYTES))
  if (key === undefined) throw failed(path, 'does not open with its wrapping key: it was changed')
  return key
}

function failed(path: string, says: string): LimenError {
  const message = `The keystore ${path} ${says}`
  return new LimenError('vault-key', message, { side: 'operator', retry: false })
}
