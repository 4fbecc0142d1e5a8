/**
 * Bodies sealed by `aes128gcm` (RFC 8188), by OpenSSL: keys are KeyObjects, records are opened and sealed at once.
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
import {
  RECORD_BYTES,
  RECORD_KEY_BYTES,
  RECORD_KEY_INFO,
  RECORD_NONCE_BYTES,
  RECORD_NONCE_INFO,
  RECORD_TAG_BYTES,
  recordContent,
  recordNonce,
  type SealedBodyError,
  SealedBodyReader,
  SealedBodyWriter,
  type SealedRecord,
  writeSealedBodyHeader,
} from '../../wire/sealed-body.ts'

const CIPHER = 'aes-128-gcm'

/** Key and nonces of one body. */
interface BodyKeys {
  readonly key: KeyObject
  readonly base: Uint8Array
}

/** The content of a piece, as far as it is known; at the first error it is over. */
export type OpenedPiece = Buffer | SealedBodyError

/** Opens a sealed body that comes in pieces. */
export class SealedBodyOpener {
  readonly #reader: SealedBodyReader
  readonly #ikm: KeyObject
  readonly #keyId: Uint8Array
  #keys: BodyKeys | undefined

  /** @param ikm input keying material. @param keyId what the header must name */
  constructor(ikm: KeyObject, keyId: Uint8Array, recordBytesMax: number = RECORD_BYTES) {
    this.#ikm = ikm
    this.#keyId = keyId
    this.#reader = new SealedBodyReader({ recordBytesMax })
  }

  push(piece: Uint8Array): OpenedPiece {
    const records = this.#reader.push(piece)
    if (typeof records === 'string') return records
    const { header } = this.#reader
    // The key id is public: comparing it tells nothing.
    if (header !== undefined && Buffer.compare(header.keyId, this.#keyId) !== 0) return 'body_keyid'
    const contents: Uint8Array[] = []
    for (const record of records) {
      const content = this.#open(record)
      if (typeof content === 'string') return content
      contents.push(content)
    }
    return Buffer.concat(contents)
  }

  end(): OpenedPiece {
    const record = this.#reader.end()
    if (typeof record === 'string') return record
    const content = this.#open(record)
    return typeof content === 'string' ? content : Buffer.from(content)
  }

  #open({ sequence, bytes, isLast }: SealedRecord): Uint8Array | SealedBodyError {
    const salt = this.#reader.header?.salt
    if (salt === undefined) return 'body_truncated'
    this.#keys ??= bodyKeys(this.#ikm, salt)
    const { key, base } = this.#keys
    const split = bytes.length - RECORD_TAG_BYTES
    const decipher = createDecipheriv(CIPHER, key, recordNonce(base, sequence), {
      authTagLength: RECORD_TAG_BYTES,
    }).setAuthTag(bytes.subarray(split))
    try {
      const plain = Buffer.concat([decipher.update(bytes.subarray(0, split)), decipher.final()])
      return recordContent(plain, isLast)
    } catch {
      return 'body_auth'
    }
  }
}

/** Seals a body that comes in pieces; the first begins with the header. */
export class SealedBodySealer {
  readonly #writer: SealedBodyWriter
  readonly #keys: BodyKeys
  #header: Uint8Array

  /** @param salt 16 bytes, unpredictable, never twice under one `ikm` */
  constructor(
    ikm: KeyObject,
    keyId: Uint8Array,
    salt: Uint8Array,
    recordBytes: number = RECORD_BYTES,
  ) {
    this.#header = writeSealedBodyHeader({ salt, recordBytes, keyId })
    this.#writer = new SealedBodyWriter(recordBytes)
    this.#keys = bodyKeys(ikm, salt)
  }

  push(piece: Uint8Array): Buffer {
    return this.#withHeader(this.#writer.push(piece).map((record) => this.#seal(record)))
  }

  end(): Buffer {
    return this.#withHeader([this.#seal(this.#writer.end())])
  }

  #seal({ sequence, plain }: { readonly sequence: number; readonly plain: Uint8Array }): Buffer {
    const { key, base } = this.#keys
    const cipher = createCipheriv(CIPHER, key, recordNonce(base, sequence))
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  #withHeader(records: readonly Uint8Array[]): Buffer {
    const bytes = Buffer.concat([this.#header, ...records])
    this.#header = new Uint8Array(0)
    return bytes
  }
}

function bodyKeys(ikm: KeyObject, salt: Uint8Array): BodyKeys {
  const derive = (info: Uint8Array, bytes: number) =>
    new Uint8Array(hkdfSync('sha256', ikm, salt, info, bytes))
  const key = derive(RECORD_KEY_INFO, RECORD_KEY_BYTES)
  const base = derive(RECORD_NONCE_INFO, RECORD_NONCE_BYTES)
  const keys = { key: createSecretKey(key), base }
  key.fill(0)
  return keys
}
