/**
 * Reads a ClientHello as it arrives: TCP chunks in, one outcome out, however packets and TLS records
 * cut it (RFC 8446 section 5.1; LHS/1 section 3.1). The usual case, one chunk with one record, is read
 * in place. Not here: deadlines (the listener's), the body (`client-hello-message.ts`).
 *
 * After a HelloRetryRequest the second hello is read by a new reader made with `afterRetry`.
 *
 * @module
 */
import { u24 } from './big-endian.ts'
import {
  type ClientHello,
  type HelloErrorCode,
  readClientHelloMessage,
} from './client-hello-message.ts'
import type { HelloDraft } from './hello-draft.ts'

/** Why bytes are not a ClientHello. A closed set: switch on it. */
export type ClientHelloErrorCode =
  /** The first byte begins no TLS record; plain HTTP, for instance. */
  | 'not_tls'
  /** An SSL 2.0 CLIENT-HELLO (forbidden by RFC 6176). */
  | 'sslv2_hello'
  /** The major version of a record is not 3. */
  | 'bad_record_version'
  | 'empty_record'
  /** A record above 2^14 bytes. */
  | 'record_overflow'
  | 'too_many_records'
  /** Another content type between the records of the hello. */
  | 'bad_record_interleave'
  /** A handshake message of another type. */
  | 'not_client_hello'
  | 'hello_too_big'
  | HelloErrorCode

export type ClientHelloOutcome =
  | { readonly kind: 'more' }
  /** `consumed`: bytes fed up to the end of the record that completes the hello. */
  | { readonly kind: 'hello'; readonly hello: ClientHello; readonly consumed: number }
  /** `hello`: what could still be read of a malformed one, for its fingerprint; never to be served. */
  | { readonly kind: 'error'; readonly code: ClientHelloErrorCode; readonly hello?: ClientHello }

/** RFC 8446 section 5.1: the largest plaintext record. */
export const RECORD_BYTES_MAX = 16384
/** Ours: ordinary hellos come in one record; more than 64 is an attack on the reader. */
export const HELLO_RECORDS_MAX = 64
/** Ours: with header. The largest honest ones today (two post-quantum shares, ECH, tickets) are below 8 KiB. */
export const HELLO_BYTES_MAX = 65536

const RECORD_HEADER_BYTES = 5
const HANDSHAKE_HEADER_BYTES = 4
const CHANGE_CIPHER_SPEC = 20
const HANDSHAKE = 22
const APPLICATION_DATA = 23
const CLIENT_HELLO = 1
/** First allocation for a hello in pieces: one page holds those of today's browsers. */
const MESSAGE_BYTES_FIRST = 4096

const MORE: ClientHelloOutcome = { kind: 'more' }

export interface ClientHelloReaderOptions {
  /**
   * The hello that answers a HelloRetryRequest: change_cipher_spec and rejected early data may stand
   * before it (RFC 8446 sections D.4 and 4.2.10).
   */
  readonly afterRetry?: boolean
}

/**
 * One reader per hello. Feed it chunks until the outcome is not `more`; the same outcome is returned
 * ever after. Never throws on any input. A chunk of a hello that came in one is kept as views in the
 * outcome (see {@link ClientHello}); otherwise bytes are copied and the chunk is free at once.
 */
export class ClientHelloReader {
  readonly #afterRetry: boolean
  #outcome: ClientHelloOutcome = MORE
  #chunks = 0
  #startedAt = 0
  #consumed = 0
  #records = 0
  #recordVersion = 0
  #recordsSkipped = 0
  /** Header of the current record as far as read: type, version, length. */
  readonly #header: number[] = []
  /** Bytes of the current record still to come. */
  #recordLeft = 0
  #skipping = false
  #message: Uint8Array | undefined
  #messageBytes = 0

  constructor(options?: ClientHelloReaderOptions) {
    this.#afterRetry = options?.afterRetry ?? false
  }

  /** Chunks fed so far. */
  get chunks(): number {
    return this.#chunks
  }

  feed(chunk: Uint8Array, atMs: number): ClientHelloOutcome {
    if (this.#outcome.kind !== 'more' || chunk.length === 0) return this.#outcome
    this.#chunks++
    if (this.#chunks === 1) {
      this.#startedAt = atMs
      const whole = this.#readWhole(chunk, atMs)
      if (whole !== undefined) {
        this.#outcome = whole
        return whole
      }
    }
    this.#outcome = this.#readPieces(chunk, atMs)
    return this.#outcome
  }

  /** The usual case: the chunk begins with a record that holds the whole hello. No copy. */
  #readWhole(chunk: Uint8Array, atMs: number): ClientHelloOutcome | undefined {
    if (chunk.length < RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES) return undefined
    if (chunk[0] !== HANDSHAKE || chunk[1] !== 3 || chunk[5] !== CLIENT_HELLO) return undefined
    const recordBytes = ((chunk[3] ?? 0) << 8) | (chunk[4] ?? 0)
    if (recordBytes > RECORD_BYTES_MAX || chunk.length < RECORD_HEADER_BYTES + recordBytes) {
      return undefined
    }
    const bodyBytes = u24(chunk, 6)
    if (HANDSHAKE_HEADER_BYTES + bodyBytes > recordBytes) return undefined
    this.#records = 1
    this.#recordVersion = (3 << 8) | (chunk[2] ?? 0)
    this.#consumed = RECORD_HEADER_BYTES + recordBytes
    return this.#finish(chunk, RECORD_HEADER_BYTES, bodyBytes, atMs)
  }

  /** Everything else: one byte of state machine at a time for headers, copies for bodies. */
  #readPieces(chunk: Uint8Array, atMs: number): ClientHelloOutcome {
    let at = 0
    while (at < chunk.length) {
      if (this.#recordLeft === 0) {
        this.#header.push(chunk[at++] ?? 0)
        this.#consumed++
        const wrong = this.#checkHeader()
        if (wrong !== undefined) return { kind: 'error', code: wrong }
        continue
      }
      const end = Math.min(chunk.length, at + this.#recordLeft)
      if (!this.#skipping) {
        const wrong = this.#append(chunk, at, end)
        if (wrong !== undefined) return { kind: 'error', code: wrong }
      }
      this.#recordLeft -= end - at
      this.#consumed += end - at
      at = end
      if (this.#recordLeft === 0) {
        this.#header.length = 0
        this.#skipping = false
        const message = this.#message
        const bodyBytes = this.#bodyBytes()
        if (message !== undefined && bodyBytes !== undefined) {
          if (this.#messageBytes >= HANDSHAKE_HEADER_BYTES + bodyBytes) {
            return this.#finish(message, 0, bodyBytes, atMs)
          }
        }
      }
    }
    return MORE
  }

  /** Judges the record header byte by byte, so that the outcome never depends on how chunks were cut. */
  #checkHeader(): ClientHelloErrorCode | undefined {
    const header = this.#header
    const type = header[0] ?? 0
    switch (header.length) {
      case 1:
        if (type === HANDSHAKE) return undefined
        if (this.#messageBytes > 0) return 'bad_record_interleave'
        if (this.#afterRetry && (type === CHANGE_CIPHER_SPEC || type === APPLICATION_DATA)) {
          this.#skipping = true
          return undefined
        }
        // Two length bytes, the first with its top bit set, then the message type: told apart at byte 3.
        return this.#records === 0 && type >= 0x80 ? undefined : 'not_tls'
      case 2:
        if (type >= 0x80 || header[1] === 3) return undefined
        return 'bad_record_version'
      case 3:
        if (type < 0x80) return undefined
        return header[2] === CLIENT_HELLO ? 'sslv2_hello' : 'not_tls'
      case RECORD_HEADER_BYTES:
        return this.#beginRecord()
      default:
        return undefined
    }
  }

  #beginRecord(): ClientHelloErrorCode | undefined {
    const header = this.#header
    const length = ((header[3] ?? 0) << 8) | (header[4] ?? 0)
    if (length === 0) return 'empty_record'
    // Early data is encrypted: RFC 8446 section 5.2 allows 256 bytes more.
    if (length > RECORD_BYTES_MAX + (this.#skipping ? 256 : 0)) return 'record_overflow'
    if (this.#skipping) this.#recordsSkipped++
    else this.#records++
    if (this.#records + this.#recordsSkipped > HELLO_RECORDS_MAX) return 'too_many_records'
    if (this.#recordVersion === 0) this.#recordVersion = (3 << 8) | (header[2] ?? 0)
    this.#recordLeft = length
    return undefined
  }

  #append(chunk: Uint8Array, from: number, to: number): ClientHelloErrorCode | undefined {
    if (this.#messageBytes === 0 && chunk[from] !== CLIENT_HELLO) return 'not_client_hello'
    const size = this.#messageBytes + to - from
    let message = this.#message
    if (message === undefined || size > message.length) {
      const grown = new Uint8Array(Math.max(size, this.#messageRoom(chunk, from, to)))
      if (message !== undefined) grown.set(message.subarray(0, this.#messageBytes))
      message = grown
      this.#message = grown
    }
    if (to - from === chunk.length) message.set(chunk, this.#messageBytes)
    else message.set(chunk.subarray(from, to), this.#messageBytes)
    this.#messageBytes = size
    const bodyBytes = this.#bodyBytes()
    if (bodyBytes !== undefined && HANDSHAKE_HEADER_BYTES + bodyBytes > HELLO_BYTES_MAX) {
      return 'hello_too_big'
    }
    return undefined
  }

  /**
   * Room to make. What is announced is believed up to 4 KiB, beyond that the room grows with what has
   * come: a lie about the length costs its sender the bytes.
   */
  #messageRoom(chunk: Uint8Array, from: number, to: number): number {
    if (this.#messageBytes > 0) return this.#messageBytes * 2
    if (to - from < HANDSHAKE_HEADER_BYTES) return MESSAGE_BYTES_FIRST
    return Math.min(HANDSHAKE_HEADER_BYTES + u24(chunk, from + 1), MESSAGE_BYTES_FIRST)
  }

  #bodyBytes(): number | undefined {
    if (this.#message === undefined || this.#messageBytes < HANDSHAKE_HEADER_BYTES) return undefined
    return u24(this.#message, 1)
  }

  #finish(
    bytes: Uint8Array,
    messageStart: number,
    bodyBytes: number,
    atMs: number,
  ): ClientHelloOutcome {
    const start = messageStart + HANDSHAKE_HEADER_BYTES
    const { hello, error } = readClientHelloMessage(bytes, start, start + bodyBytes)
    if (hello !== undefined) this.#describeTravel(hello, bodyBytes, atMs)
    if (error !== undefined) {
      return hello === undefined
        ? { kind: 'error', code: error }
        : { kind: 'error', code: error, hello }
    }
    if (hello === undefined) return { kind: 'error', code: 'decode:short' }
    return { kind: 'hello', hello, consumed: this.#consumed }
  }

  #describeTravel(hello: HelloDraft, bodyBytes: number, atMs: number): void {
    hello.recordVersion = this.#recordVersion
    hello.records = this.#records
    hello.chunks = this.#chunks
    hello.bytes = HANDSHAKE_HEADER_BYTES + bodyBytes
    hello.startedAt = this.#startedAt
    hello.completedAt = atMs
  }
}
