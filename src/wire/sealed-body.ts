/**
 * The content coding `aes128gcm` (RFC 8188): a header, then records, each AES-128-GCM under a nonce of its own. Where
 * records begin and end, and what is in them; deriving keys, opening and sealing is done by whoever calls.
 *
 *  0 16  salt
 * 16  4  record size: of all sealed records but the last, which is not larger
 * 20  1  length of the key id, then the key id
 *        records: AES-128-GCM(content | delimiter | zeros), delimiter 1, of the last record 2
 *
 * @module
 */
import { u32 } from './big-endian.ts'

/** Why a sealed body cannot be read. Stable: clients switch on it. */
export type SealedBodyError =
  /** The header or a record is none. */
  | 'body_malformed'
  /** Sealed under another key than that of the session. */
  | 'body_keyid'
  /** It ends before its last record does. */
  | 'body_truncated'
  /** A record is not authentic. */
  | 'body_auth'

export interface SealedBodyHeader {
  /** 16 bytes, new for each body. */
  readonly salt: Uint8Array
  /** Bytes of a record with its tag. */
  readonly recordBytes: number
  /** At most 255 bytes. */
  readonly keyId: Uint8Array
}

/** A record as it travels. */
export interface SealedRecord {
  /** From 0 on: goes into the nonce. */
  readonly sequence: number
  readonly bytes: Uint8Array
  readonly isLast: boolean
}

export const SALT_BYTES = 16
export const RECORD_TAG_BYTES = 16
export const RECORD_NONCE_BYTES = 12
export const RECORD_KEY_BYTES = 16
/** LSK/1 section 1.7; records of 4096 cost 2 to 5 times as much. Larger ones are refused: they are held in memory. */
export const RECORD_BYTES = 65_536
/** A tag and a delimiter leave one byte for content (RFC 8188 section 2). */
const RECORD_BYTES_MIN = RECORD_TAG_BYTES + 2
const FIXED_BYTES = SALT_BYTES + 5
const KEY_ID_BYTES_MAX = 255
const DELIMITER = 1
const LAST_DELIMITER = 2
const text = (value: string): Uint8Array => Uint8Array.from(value, (char) => char.charCodeAt(0))

/** HKDF-SHA-256's `info`; its salt is that of the header (RFC 8188 sections 2.2, 2.3). */
export const RECORD_KEY_INFO: Uint8Array = text('Content-Encoding: aes128gcm\0')
export const RECORD_NONCE_INFO: Uint8Array = text('Content-Encoding: nonce\0')

/** @throws RangeError for what a header cannot say */
export function writeSealedBodyHeader(header: SealedBodyHeader): Uint8Array {
  const { salt, recordBytes, keyId } = header
  const isRecord = Number.isInteger(recordBytes) && recordBytes >= RECORD_BYTES_MIN
  if (salt.length !== SALT_BYTES || !isRecord || recordBytes > 0xffffffff) {
    throw new RangeError('Cannot seal a body with this salt or record size')
  }
  if (keyId.length > KEY_ID_BYTES_MAX) throw new RangeError('Cannot name a key by over 255 bytes')
  const bytes = new Uint8Array(FIXED_BYTES + keyId.length)
  bytes.set(salt)
  new DataView(bytes.buffer).setUint32(SALT_BYTES, recordBytes)
  bytes[FIXED_BYTES - 1] = keyId.length
  bytes.set(keyId, FIXED_BYTES)
  return bytes
}

/** The nonce of a record: the base with its sequence number in the last bytes (section 2.3). */
export function recordNonce(base: Uint8Array, sequence: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(base)
  const view = new DataView(nonce.buffer)
  const at = RECORD_NONCE_BYTES - 4
  view.setUint32(at, (view.getUint32(at) ^ (sequence % 2 ** 32)) >>> 0)
  view.setUint32(at - 4, (view.getUint32(at - 4) ^ Math.floor(sequence / 2 ** 32)) >>> 0)
  return nonce
}

/** What is in an opened record, as a view of it. Never throws. */
export function recordContent(plain: Uint8Array, isLast: boolean): Uint8Array | SealedBodyError {
  let end = plain.length - 1
  while (end >= 0 && plain[end] === 0) end--
  const delimiter = plain[end]
  if (delimiter === LAST_DELIMITER) return isLast ? plain.subarray(0, end) : 'body_malformed'
  if (delimiter !== DELIMITER) return 'body_malformed'
  // An authentic record that says there are more, where no more came.
  return isLast ? 'body_truncated' : plain.subarray(0, end)
}

export interface SealedBodyReaderOptions {
  /** Larger records are refused. */
  readonly recordBytesMax: number
}

/** Finds header and records in a body that comes in pieces. Holds one record and one piece at most. */
export class SealedBodyReader {
  readonly #recordBytesMax: number
  readonly #held = new Pieces()
  #header: SealedBodyHeader | undefined
  #sequence = 0

  constructor({ recordBytesMax }: SealedBodyReaderOptions = { recordBytesMax: RECORD_BYTES }) {
    this.#recordBytesMax = recordBytesMax
  }

  /** undefined until it is whole. */
  get header(): SealedBodyHeader | undefined {
    return this.#header
  }

  /**
   * Takes a piece; returns the records that are whole and not the last: that one is known at the end only. Records are
   * bytes of their own, not views of `piece`. Never throws; after an error nothing more is to be given.
   */
  push(piece: Uint8Array): readonly SealedRecord[] | SealedBodyError {
    this.#held.add(piece)
    if (this.#header === undefined) {
      const read = this.#readHeader()
      if (read !== 'read') return read === 'more' ? [] : read
    }
    const records: SealedRecord[] = []
    for (const bytes of this.#held.takeBut1(this.#header?.recordBytes ?? 0)) {
      records.push({ sequence: this.#sequence++, bytes, isLast: false })
    }
    return records
  }

  /** The body is over: its last record. */
  end(): SealedRecord | SealedBodyError {
    const isWhole = this.#header !== undefined && this.#held.length > RECORD_TAG_BYTES
    if (!isWhole) return 'body_truncated'
    return { sequence: this.#sequence, bytes: this.#held.all(), isLast: true }
  }

  #readHeader(): 'read' | 'more' | SealedBodyError {
    if (this.#held.length < FIXED_BYTES) return 'more'
    const bytes = this.#held.all()
    const recordBytes = u32(bytes, SALT_BYTES)
    if (recordBytes < RECORD_BYTES_MIN || recordBytes > this.#recordBytesMax) {
      return 'body_malformed'
    }
    const size = FIXED_BYTES + (bytes[FIXED_BYTES - 1] ?? 0)
    if (bytes.length < size) return 'more'
    const salt = bytes.slice(0, SALT_BYTES)
    this.#header = { salt, recordBytes, keyId: bytes.slice(FIXED_BYTES, size) }
    this.#held.drop(size)
    return 'read'
  }
}

/** A record to be sealed: content, delimiter, no padding. */
export interface PlainRecord {
  readonly sequence: number
  readonly plain: Uint8Array
}

/** Cuts content into records. Holds one and a piece at most. */
export class SealedBodyWriter {
  readonly #contentBytes: number
  readonly #held = new Pieces()
  #sequence = 0

  /** @param recordBytes as in the header. @throws RangeError when nothing fits in */
  constructor(recordBytes: number = RECORD_BYTES) {
    if (recordBytes < RECORD_BYTES_MIN) throw new RangeError('Cannot seal in records that small')
    this.#contentBytes = recordBytes - RECORD_TAG_BYTES - 1
  }

  /** Takes a piece; returns records that are full and not the last. */
  push(piece: Uint8Array): readonly PlainRecord[] {
    this.#held.add(piece)
    return this.#held
      .takeBut1(this.#contentBytes)
      .map((content) => this.#record(content, DELIMITER))
  }

  /** The content is over: the last record; of an empty content too. */
  end(): PlainRecord {
    return this.#record(this.#held.all(), LAST_DELIMITER)
  }

  #record(content: Uint8Array, delimiter: number): PlainRecord {
    const plain = new Uint8Array(content.length + 1)
    plain.set(content)
    plain[content.length] = delimiter
    return { sequence: this.#sequence++, plain }
  }
}

/** Bytes that wait: copied as they come, put together once there are enough, however small the pieces are. */
class Pieces {
  length = 0
  #pieces: Uint8Array[] = []

  add(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.#pieces.push(new Uint8Array(piece))
    this.length += piece.length
  }

  all(): Uint8Array {
    const [first = new Uint8Array(0), ...more] = this.#pieces
    if (more.length === 0) return first
    const whole = new Uint8Array(this.length)
    let at = 0
    for (const piece of this.#pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    this.#pieces = [whole]
    return whole
  }

  drop(bytes: number): void {
    const rest = this.all().subarray(bytes)
    this.#pieces = rest.length === 0 ? [] : [rest]
    this.length = rest.length
  }

  /** Runs of `size` as long as at least one byte stays. */
  takeBut1(size: number): readonly Uint8Array[] {
    if (this.length <= size) return []
    const whole = this.all()
    const runs: Uint8Array[] = []
    let at = 0
    for (; whole.length - at > size; at += size) runs.push(whole.subarray(at, at + size))
    this.drop(at)
    return runs
  }
}
