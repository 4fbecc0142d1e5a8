/**
 * Callers of SRT whose handshake is not over: induction, its answer with a cookie, conclusion with keys (draft-sharabayko-srt-01, section 4.3.1).
 * Small, bounded, forgotten after five seconds; the oldest goes when there are too many.
 *
 * @module
 */
import type { SrtHandshake } from '../../wire/srt-handshake.ts'
import { readSrtKeyMaterial, type SrtKeyMaterial } from '../../wire/srt-key-material.ts'

export interface SrtCaller {
  readonly address: string
  readonly port: number
  /** The newest when it called. */
  readonly epoch: number
  /** Of the receiver. */
  readonly slot: number
  readonly nowMs: number
}

export type SrtCallStep =
  /** Its first conclusion: see whether it has the passphrase. */
  | { readonly kind: 'check'; readonly call: SrtCall }
  /** An induction, or the same again: it goes on to the receiver. */
  | { readonly kind: 'pass'; readonly call: SrtCall }
  | { readonly kind: 'dropped' }

/** libsrt gives up after three seconds (SRTO_CONNTIMEO), encoders often after more. */
const CALL_MS = 5_000
const CALLS_MAX = 256

export class SrtCall {
  readonly socket: number
  readonly address: string
  readonly port: number
  readonly epoch: number
  readonly slot: number
  readonly beganAtMs: number
  /** It has the passphrase. */
  isOpen = false
  handshake: SrtHandshake | undefined
  keyMaterial: SrtKeyMaterial | undefined
  #conclusion: Buffer | undefined
  /** Octets that came less those that went back. */
  #owed = 0

  constructor(socket: number, { address, port, epoch, slot, nowMs }: SrtCaller) {
    this.socket = socket
    this.address = address
    this.port = port
    this.epoch = epoch
    this.slot = slot
    this.beganAtMs = nowMs
  }

  asks(bytes: number): void {
    this.#owed += bytes
  }

  /** Whether an answer of so many octets is no more than was asked with. */
  owes(bytes: number): boolean {
    if (bytes > this.#owed) return false
    this.#owed -= bytes
    return true
  }

  isSame(conclusion: Buffer): boolean {
    return this.#conclusion !== undefined && sameButTime(this.#conclusion, conclusion)
  }

  /** Its first one, with copies of what is in it. False: there was one. */
  conclude(bytes: Buffer, handshake: SrtHandshake): boolean {
    if (this.#conclusion !== undefined) return false
    const { keyMaterial } = handshake
    this.#conclusion = Buffer.from(bytes)
    this.handshake = handshake
    this.keyMaterial =
      keyMaterial === undefined ? undefined : readSrtKeyMaterial(Uint8Array.from(keyMaterial))
    return true
  }
}

export class SrtCalls {
  readonly #calls = new Map<number, SrtCall>()

  of(socket: number): SrtCall | undefined {
    return this.#calls.get(socket)
  }

  meet(bytes: Buffer, handshake: SrtHandshake, caller: SrtCaller): SrtCallStep {
    const { socket, phase } = handshake
    const { address, port } = caller
    const known = this.#calls.get(socket)
    if (socket === 0) return { kind: 'dropped' }
    if (known === undefined) {
      if (phase !== 'induction') return { kind: 'dropped' }
      const call = this.#add(new SrtCall(socket, caller))
      call.asks(bytes.length)
      return { kind: 'pass', call }
    }
    if (known.address !== address || known.port !== port) return { kind: 'dropped' }
    if (phase === 'conclusion' && known.conclude(bytes, handshake)) {
      known.asks(bytes.length)
      return { kind: 'check', call: known }
    }
    const isAgain = phase === 'induction' || (known.isOpen && known.isSame(bytes))
    if (!isAgain) return { kind: 'dropped' }
    known.asks(bytes.length)
    return { kind: 'pass', call: known }
  }

  remove(call: SrtCall): void {
    if (this.#calls.get(call.socket) === call) this.#calls.delete(call.socket)
  }

  sweep(nowMs: number): void {
    for (const call of this.#calls.values()) {
      if (nowMs - call.beganAtMs > CALL_MS) this.#calls.delete(call.socket)
    }
  }

  #add(call: SrtCall): SrtCall {
    this.#calls.set(call.socket, call)
    const [oldest] = this.#calls.keys()
    if (this.#calls.size > CALLS_MAX && oldest !== undefined) this.#calls.delete(oldest)
    return call
  }
}

const TIME_AT = 8
const TIME_END = 12

/** What is sent again has another time. */
function sameButTime(a: Buffer, b: Buffer): boolean {
  const isHead = a.subarray(0, TIME_AT).equals(b.subarray(0, TIME_AT))
  return isHead && a.subarray(TIME_END).equals(b.subarray(TIME_END))
}
