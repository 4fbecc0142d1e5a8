/**
 * The first octets of a connection: a PROXY protocol header where one is due, then the ClientHello,
 * read as it arrives and put back for TLS to read again. Deadlines are for the whole.
 *
 * @module
 */
import { ClientHelloReader } from '../../wire/client-hello.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import { type ProxyHeader, readProxyHeader } from '../../wire/proxy-v2.ts'
import type { HelloSeen } from './admission.ts'
import type { Channel } from './channel.ts'
import { keep, OCTETS } from './octets.ts'

export interface Greeting {
  readonly proxy: ProxyHeader | undefined
  readonly seen: HelloSeen | undefined
}

export interface GreetingOptions {
  readonly tls: boolean
  readonly proxyProtocol: boolean
  readonly helloMs: number
  readonly helloChunkMs: number
  /** Monotonic, for deadlines. */
  now(): number
  /** Milliseconds since the Unix epoch, for what is recorded. */
  wallClock(): number
  /** The greeting is complete; `octets` is what was read and not consumed. */
  done(greeting: Greeting, octets: Buffer | undefined): void
  /** The client is gone, or did not speak PROXY as it must. */
  failed(code: 'closed' | 'timeout' | 'proxy-header', hello: ClientHello | undefined): void
}

/** Reads the greeting of one connection; the sweep asks after `deadline`. */
export class GreetingReader {
  deadline: number
  readonly #channel: Channel
  readonly #options: GreetingOptions
  readonly #until: number
  #hello: ClientHelloReader | undefined
  #held: Buffer | undefined
  #proxy: ProxyHeader | undefined
  #proxyDue: boolean
  #over = false

  constructor(channel: Channel, options: GreetingOptions) {
    this.#channel = channel
    this.#options = options
    this.#proxyDue = options.proxyProtocol
    this.#until = options.now() + options.helloMs
    this.deadline = this.#until
    channel.takeReads((from, to) => this.#read(from, to))
    channel.onEnd(this.#ended)
  }

  drain(): void {}

  expire(): void {
    if (this.#over) return
    this.#leave()
    this.#options.failed('timeout', undefined)
  }

  /** The socket closed before the greeting was complete. */
  readonly #ended = (): void => {
    if (this.#over) return
    this.#leave()
    this.#options.failed('closed', undefined)
  }

  closed(): void {
    this.#ended()
  }

  #leave(): void {
    this.#over = true
    this.#channel.giveBackReads()
  }

  #read(start: number, to: number): boolean {
    let from = start
    const { now, helloChunkMs } = this.#options
    this.deadline = Math.min(this.#until, now() + helloChunkMs)
    if (this.#proxyDue) {
      const rest = this.#readProxy(from, to)
      if (rest < 0) return !this.#over
      from = rest
      if (from === to && this.#options.tls) return true
    }
    if (!this.#options.tls) return this.#finish(undefined, from, to)
    this.#hello ??= new ClientHelloReader()
    // The reader keeps views of a chunk that holds a whole hello: give it octets that stay.
    const chunk = keep(from, to)
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    const outcome = this.#hello.feed(chunk, this.#options.wallClock())
    if (outcome.kind === 'more') return true
    return this.#finish(outcome, 0, 0)
  }

  #readProxy(from: number, to: number): number {
    const held =
      this.#held === undefined
        ? OCTETS.subarray(from, to)
        : Buffer.concat([this.#held, OCTETS.subarray(from, to)])
    const read = readProxyHeader(held)
    if (read.kind === 'incomplete') {
      this.#held = Buffer.from(held)
      return -1
    }
    if (read.kind === 'malformed') {
      this.#leave()
      this.#options.failed('proxy-header', undefined)
      return -1
    }
    this.#proxyDue = false
    this.#proxy = read.header
    const rest = held.subarray(read.bytes)
    this.#held = undefined
    const at = to - rest.length
    if (held.buffer !== OCTETS.buffer) rest.copy(OCTETS, at)
    return at
  }

  #finish(seen: HelloSeen | undefined, from: number, to: number): boolean {
    const octets = this.#held ?? (to > from ? keep(from, to) : undefined)
    this.#leave()
    this.#channel.stopReads()
    this.#options.done({ proxy: this.#proxy, seen }, octets)
    // Who is next may read on already: this callback must not stop it.
    return true
  }
}
