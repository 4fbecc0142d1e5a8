/**
 * Looks for ClientHellos in one direction of a TCP connection. TLS mostly begins with the first byte,
 * but may come later: behind a PROXY header, after CONNECT, SOCKS or STARTTLS. Then the client waited
 * for an answer first, so a hello begins where a segment begins: nowhere else is looked, and hellos
 * inside files that are transferred are not taken for handshakes.
 *
 * @module
 */
import { u16 } from '../wire/big-endian.ts'
import { type ClientHelloErrorCode, ClientHelloReader } from '../wire/client-hello.ts'
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

export class TlsHelloSearch {
  #state: 'begin' | 'searching' | 'reading' | 'after-hello' | 'over' = 'begin'
  #reader = new ClientHelloReader()
  #searchedBytes = 0
  /** Bytes given to the reader. */
  #fedBytes = 0

  /** Nothing more will be found on this connection. */
  get isOver(): boolean {
    return this.#state === 'over'
  }

  add(run: TcpRun): MetHello[] {
    if (run.afterGap && this.#state !== 'over') this.#state = 'searching'
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
          this.#begin('reading', new ClientHelloReader())
          return bytes
        }
        this.#searchedBytes += bytes.length
        if (this.#searchedBytes > SEARCH_BYTES_MAX) this.#state = 'over'
        return undefined
      case 'reading':
      case 'after-hello':
        return this.#read(bytes, at, met)
      default:
        return undefined
    }
  }

  #read(bytes: Uint8Array, at: number, met: MetHello[]): Uint8Array | undefined {
    const outcome = this.#reader.feed(bytes, at)
    this.#fedBytes += bytes.length
    if (outcome.kind === 'more') return undefined
    const first = this.#state === 'reading'
    if (outcome.kind === 'error') {
      if (outcome.hello !== undefined) met.push({ hello: outcome.hello, error: outcome.code })
      // After a first hello anything but a second one ends the search.
      this.#state = first ? 'searching' : 'over'
      return undefined
    }
    met.push({ hello: outcome.hello, error: undefined })
    const left = this.#fedBytes - outcome.consumed
    if (first) this.#begin('after-hello', new ClientHelloReader({ afterRetry: true }))
    else this.#state = 'over'
    return bytes.subarray(bytes.length - left)
  }

  #begin(state: 'reading' | 'after-hello', reader: ClientHelloReader): void {
    this.#state = state
    this.#reader = reader
    this.#fedBytes = 0
  }
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
