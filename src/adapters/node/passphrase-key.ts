/**
 * {@link WrappingKey} in a file that a passphrase opens: scrypt (RFC 7914), then AES-256-GCM.
 *
 * | offset | bytes | |
 * |---|---|---|
 * | 0 | 4 | `LWK1` |
 * | 4 | 1 | 1 (version) |
 * | 5 | 1 | 1 (scrypt) |
 * | 6 | 3 | log2 of N; r; p |
 * | 9 | 7 | 0 |
 * | 16 | 16 | reference, random |
 * | 32 | 16 | salt |
 * | 48 | 12 | nonce |
 * | 60 | 48 | ciphertext of the key, and tag; AAD: the first 60 bytes |
 * | 108 | 4 | SHA-256 of all before, first bytes: a damaged file is not a wrong passphrase |
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, scrypt } from 'node:crypto'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import { DATA_KEY_BYTES, REFERENCE_BYTES, type WrappingKey } from '../../ports/wrapping-key.ts'
import { memoryWrappingKey } from './memory-key.ts'
import { readPrivateFile, writePrivateFile } from './private-file.ts'

export interface PassphraseKeyOptions {
  readonly path: string
  /** From a file or a variable, never from a command line. Not zeroed here. */
  readonly passphrase: Uint8Array
  readonly random: Random
}

const MAGIC = Buffer.from('LWK1')
const VERSION = 1
const SCRYPT = 1
/** 128 MiB and some 0.4 s a guess: OWASP's first choice of parameters for scrypt (2024). */
const LOG2_N = 17
const R = 8
const P = 1
/** What a file may ask for: up to 1 GiB. Less than 2^14 was never written. */
const LOG2_N_MIN = 14
const LOG2_N_MAX = 20
const P_MAX = 4
/** A passphrase drawn from a list of 7776 words is that long with three. */
const PASSPHRASE_BYTES_MIN = 12
const SALT_AT = 32
const NONCE_AT = 48
const HEAD_BYTES = 60
const TAG_BYTES = 16
const CHECK_AT = HEAD_BYTES + DATA_KEY_BYTES + TAG_BYTES
const FILE_BYTES = CHECK_AT + 4
const CIPHER = 'aes-256-gcm'

/** A new key in a new file. @throws LimenError `passphrase-short`, `key-file-there` */
export async function makePassphraseKey(options: PassphraseKeyOptions): Promise<void> {
  const { path, passphrase, random } = options
  if (passphrase.length < PASSPHRASE_BYTES_MIN) {
    throw failed('passphrase-short', `A passphrase has ${PASSPHRASE_BYTES_MIN} octets at least`)
  }
  if (readPrivateFile(path) !== undefined)
    throw failed('key-file-there', `${path} is there already`)
  const file = Buffer.alloc(FILE_BYTES)
  MAGIC.copy(file)
  file.set([VERSION, SCRYPT, LOG2_N, R, P], MAGIC.length)
  file.set(random.bytes(REFERENCE_BYTES + HEAD_BYTES - SALT_AT), 16)
  const head = file.subarray(0, HEAD_BYTES)
  const sealing = await stretched(passphrase, head)
  const key = random.bytes(DATA_KEY_BYTES)
  const cipher = createCipheriv(CIPHER, sealing, head.subarray(NONCE_AT)).setAAD(head)
  file.set(Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()]), HEAD_BYTES)
  key.fill(0)
  sealing.fill(0)
  file.set(checkOf(file), CHECK_AT)
  writePrivateFile(path, file)
}

/** @throws LimenError `key-file-missing`, `key-file-damaged`, `passphrase-wrong` */
export async function openPassphraseKey(options: PassphraseKeyOptions): Promise<WrappingKey> {
  const { path, passphrase, random } = options
  const file = readPrivateFile(path)
  if (file === undefined) throw failed('key-file-missing', `There is no wrapping key in ${path}`)
  if (!isWhole(file)) throw failed('key-file-damaged', `${path} is not a wrapping key, or damaged`)
  const head = file.subarray(0, HEAD_BYTES)
  const sealing = await stretched(passphrase, head)
  const decipher = createDecipheriv(CIPHER, sealing, head.subarray(NONCE_AT))
  decipher.setAAD(head).setAuthTag(file.subarray(CHECK_AT - TAG_BYTES, CHECK_AT))
  sealing.fill(0)
  const key = decipher.update(file.subarray(HEAD_BYTES, CHECK_AT - TAG_BYTES))
  try {
    decipher.final()
  } catch {
    key.fill(0)
    throw failed('passphrase-wrong', `The passphrase does not open ${path}`)
  }
  const reference = new Uint8Array(head.subarray(16, 16 + REFERENCE_BYTES))
  return memoryWrappingKey(key, reference, random)
}

function isWhole(file: Buffer): boolean {
  if (file.length !== FILE_BYTES || !file.subarray(0, 4).equals(MAGIC)) return false
  if (!file.subarray(CHECK_AT).equals(checkOf(file))) return false
  const [version, kdf, log2N = 0, r, p = 0] = file.subarray(4, 9)
  const isCost = log2N >= LOG2_N_MIN && log2N <= LOG2_N_MAX && r === R && p >= 1 && p <= P_MAX
  return (
    version === VERSION && kdf === SCRYPT && isCost && file.subarray(9, 16).every((o) => o === 0)
  )
}

function checkOf(file: Buffer): Buffer {
  return createHash('sha256').update(file.subarray(0, CHECK_AT)).digest().subarray(0, 4)
}

/** To be zeroed. */
function stretched(passphrase: Uint8Array, head: Buffer): Promise<Buffer> {
  const [log2N = LOG2_N, r = R, p = P] = head.subarray(6, 9)
  const N = 2 ** log2N
  // What it takes (RFC 7914, section 6), and as much again for blocks and OpenSSL's own.
  const cost = { N, r, p, maxmem: 2 * 128 * N * r }
  return new Promise((resolve, reject) => {
    scrypt(passphrase, head.subarray(SALT_AT, NONCE_AT), DATA_KEY_BYTES, cost, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

function failed(code: string, message: string): LimenError {
  return new LimenError(code, message, { side: 'operator', retry: false })
}
