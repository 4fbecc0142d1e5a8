/**
 * Looks for ClientHellos in one direction of a TCP connection. TLS mostly begins with the first byte,
 * but may come later: behind a PROXY header, after CONNECT, SOCKS or STARTTLS. Then the client waited
 * for an answer first, so a hello begins where a segment begins: nowhere else is looked, and hellos
 * inside files that are transferred are not taken for handshakes.
 *
 * @module
 */
import { u16 } from '../wire/big-endian.ts'
import {
  type ClientHelloErrorCode,
  type ClientHelloOutcome,
  ClientHelloReader,
  RECORD_BYTES_MAX,
} from '../wire/client-hello.ts'
import type { ClientHello } from '../wire/client-hello-message.ts'
import type { TcpRun } from '../wire/tcp-stream.ts'

/** A hello as a search meets it. */
export interface MetHello {
  readonly hello: ClientHello
  /** Set when the hello is malformed, and `hello` what could be read of it. */
  readonly error: ClientHelloErrorCode | undefined
}

/** Ours: bytes of another protocol after which no hello is expected any more. */
const SEARCH_BYTES_MAX = 65_536
/** Ours: pieces and bytes of a first record kept as they came before the reader, which makes room for a page, gets them. */
const HELD_BACK_MAX = { pieces: 8, bytes: 1024 } as const
/** Of a piece besides its bytes, and what a reader makes room for at least: from above. */
const PIECE_BYTES = 256
const READER_BYTES = 5120
const RECORD_HEADER_BYTES = 5

interface Piece {
  /** A character each: of a few bytes, an array takes ten times the memory. */
  readonly bytes: string
  readonly at: number
}
const NONE: readonly Piece[] = []

export class TlsHelloSearch {
  #state: 'begin' | 'searching' | 'reading' | 'after-hello' | 'over' = 'begin'
  #reader: ClientHelloReader | undefined
  /** The first pieces of a hello whose first record is not whole, while they are few. */
  #heldBack: readonly Piece[] = NONE
  #heldBackBytes = 0
  #searchedBytes = 0
  /** Bytes given to the reader. */
  #fedBytes = 0

  /** Nothing more will be found on this connection. */
  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** A hello has begun and is not whole. */
  get isReading(): boolean {
    return this.#state === 'reading'
  }

  /** Memory that waits for the rest of a hello, from above. */
  get heldBytes(): number {
    const kept = this.#heldBackBytes + this.#heldBack.length * PIECE_BYTES
    return this.#reader === undefined || this.#fedBytes === 0
      ? kept
      : kept + Math.max(READER_BYTES, 2 * this.#fedBytes)
  }

  add(run: TcpRun): MetHello[] {
    if (run.afterGap && this.#state !== 'over') this.#become('searching')
    const met: MetHello[] = []
    // Each step moves on in the run or in the states: three is the most there can be.
    let bytes: Uint8Array | undefined = run.bytes
    for (let step = 0; step < 4 && bytes !== undefined && bytes.length > 0; step++) {
      bytes = this.#step(bytes, run.at, met)
    }
    return met
  }

  /** Returns the bytes still to be looked at in another state. */
  #step(bytes: Uint8Array, at: number, met: MetHello[]): Uint8Array | undefined {
    switch (this.#state) {
      case 'begin': {
        this.#state = 'searching'
        return bytes.subarray(proxyHeaderBytes(bytes))
      }
      case 'searching':
        if (mayBeginHello(bytes)) {
          this.#become('reading')
          return bytes
        }
        this.#searchedBytes += bytes.length
        if (this.#searchedBytes > SEARCH_BYTES_MAX) this.#become('over')
        return undefined
      case 'reading':
      case 'after-hello':
        return this.#read(bytes, at, met)
      default:
        return undefined
    }
  }

  #read(bytes: Uint8Array, at: number, met: MetHello[]): Uint8Array | undefined {
    if (this.#state === 'reading' && this.#reader === undefined && this.#holdsBack(bytes, at)) {
      return undefined
    }
    const outcome = this.#feed(bytes, at)
    if (outcome.kind === 'more') return undefined
    const first = this.#state === 'reading'
    if (outcome.kind === 'error') {
      if (outcome.hello !== undefined) met.push({ hello: outcome.hello, error: outcome.code })
      // After a first hello anything but a second one ends the search.
      this.#become(first ? 'searching' : 'over')
      return undefined
    }
    met.push({ hello: outcome.hello, error: undefined })
    const left = this.#fedBytes - outcome.consumed
    this.#become(first ? 'after-hello' : 'over')
    return bytes.subarray(bytes.length - left)
  }

  /** Keeps a piece for later when all the reader could say of it is that there must be more. */
  #holdsBack(bytes: Uint8Array, at: number): boolean {
    const size = this.#heldBackBytes + bytes.length
    if (this.#heldBack.length === HELD_BACK_MAX.pieces || size > HELD_BACK_MAX.bytes) return false
    // An array that is pushed to makes room for seventeen.
    const pieces = [...this.#heldBack, { bytes: String.fromCharCode(...bytes), at }]
    if (!isBeginning(pieces, size)) return false
    this.#heldBack = pieces
    this.#heldBackBytes = size
    return true
  }

  #feed(bytes: Uint8Array, at: number): ClientHelloOutcome {
    const reader = this.#reader ?? new ClientHelloReader({ afterRetry: this.#state !== 'reading' })
    this.#reader = reader
    for (const piece of this.#heldBack) reader.feed(bytesOf(piece.bytes), piece.at)
    this.#fedBytes += this.#heldBackBytes + bytes.length
    this.#heldBack = NONE
    this.#heldBackBytes = 0
    return reader.feed(bytes, at)
  }

  #become(state: 'searching' | 'reading' | 'after-hello' | 'over'): void {
    this.#state = state
    this.#reader = undefined
    this.#heldBack = NONE
    this.#heldBackBytes = 0
    this.#fedBytes = 0
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** A first record that is not whole, with nothing wrong in it so far. */
function isBeginning(pieces: readonly Piece[], size: number): boolean {
  const head: number[] = []
  for (const { bytes } of pieces) head.push(...bytesOf(bytes.slice(0, 9 - head.length)))
  const [type = 22, major = 3, , high = 0, low = 1, message = 1, sizeHigh = 0] = head
  if (type !== 22 || major !== 3 || message !== 1 || sizeHigh !== 0) return false
  if (head.length < RECORD_HEADER_BYTES) return true
  const recordBytes = (high << 8) | low
  // Above 2^14 a record is malformed, and an empty one too.
  return recordBytes <= RECORD_BYTES_MAX && size < RECORD_HEADER_BYTES + recordBytes
}

/** A handshake record with a ClientHello in it, as far as these bytes tell. */
function mayBeginHello(bytes: Uint8Array): boolean {
  if (bytes[0] !== 22) return false
  if (bytes.length > 1 && bytes[1] !== 3) return false
  return bytes.length < 6 || bytes[5] === 1
}

const PROXY_V2 = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
const PROXY_V1 = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20]
/** The PROXY protocol, section 2.1: a header of version 1 has at most 107 bytes. */
const PROXY_V1_BYTES_MAX = 107

/** Length of a PROXY protocol header at the start; 0 when there is none. */
function proxyHeaderBytes(bytes: Uint8Array): number {
  if (PROXY_V2.every((byte, i) => bytes[i] === byte)) return 16 + u16(bytes, 14)
  if (!PROXY_V1.every((byte, i) => bytes[i] === byte)) return 0
  const end = bytes.indexOf(0x0a)
  return end > 0 && end < PROXY_V1_BYTES_MAX ? end + 1 : 0
}
