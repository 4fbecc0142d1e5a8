/**
 * The server's side of TLS on an accepted socket. Node's `TLSSocket` puts a second stream on top of the
 * socket, with a score of listeners and closures; of all that the edge needs the native part alone, and
 * without the rest a handshake costs a seventh less CPU (`docs/decisions/0009-tls-without-tls-socket.md`).
 *
 * The native part has no public name: Node versions that were not tried, and those without it, get a
 * `TLSSocket`. Both are run by the same tests.
 *
 * @module
 */
import type net from 'node:net'
import tls from 'node:tls'
import { type Channel, SocketChannel } from './channel.ts'
import { READ_AT, READ_VIEW } from './octets.ts'
import {
  INTERNALS_TRIED,
  type OnRead,
  type WritableHandle,
  type WrittenPast,
  writeToHandle,
} from './socket.ts'

export interface TlsOptions {
  readonly secureContext: tls.SecureContext
  /** In the form of RFC 7301 section 3.1. */
  readonly alpn: Uint8Array
  /** The handshake is over: octets of the application follow. */
  onSecure(): void
  /** No handshake came about, or (`broken`) the client broke the protocol after it. The channel is destroyed. */
  onFailed(reason: 'failed' | 'closed' | 'broken'): void
}

/** TLS on an accepted socket. */
export interface TlsSession {
  /** What is spoken over once the handshake is over. */
  readonly channel: Channel
  /** As OpenSSL says it (`TLSv1.3`), '' before the handshake is over. */
  readonly version: string
  readonly alpn: string
  readonly resumed: boolean
  /** Goes on reading the client, after `octets`, which were read from it already. */
  start(octets: Buffer): void
}

/** TLS on `accepted`, whose reading is stopped; waits for `start`. */
export function newTlsSession(accepted: net.Socket, options: TlsOptions): TlsSession {
  return NATIVE === undefined
    ? new SocketTls(accepted, options)
    : new NativeTls(accepted, options, NATIVE)
}

// --- By the native part ----------------------------------------------------------------------------

interface ShutdownRequest {
  handle: TlsWrap
  oncomplete: () => void
}

/** Node's `TLSWrap`, as far as it is used here. */
interface TlsWrap extends WritableHandle {
  session: NativeTls
  onread(): void
  onhandshakestart(): void
  onhandshakedone(): void
  onerror(): void
  setVerifyMode(requestCertificate: boolean, rejectUnauthorized: boolean): void
  setALPNProtocols(list: Uint8Array): void
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  receive(octets: Uint8Array): void
  shutdown(request: ShutdownRequest): number
  destroySSL(): void
  isSessionReused(): boolean
  getProtocol(): string
  getALPNNegotiatedProtocol(): string | false
}

export interface NativeBindings {
  wrap(handle: unknown, context: unknown, isServer: boolean, hasWrites: boolean): TlsWrap
  readonly ShutdownWrap: new () => ShutdownRequest
  /** Where the native side leaves the number of octets read, or an error below 0. */
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
}

function nativeBindings(): NativeBindings | undefined {
  const { binding } = process as { binding?: (name: string) => Record<string, unknown> }
  if (!INTERNALS_TRIED || binding === undefined) return undefined
  try {
    const { wrap } = binding('tls_wrap')
    const { ShutdownWrap, streamBaseState, kReadBytesOrError } = binding('stream_wrap')
    if (wrap === undefined || ShutdownWrap === undefined) return undefined
    return { wrap, ShutdownWrap, streamBaseState, kReadBytesOrError } as NativeBindings
  } catch {
    return undefined
  }
}

/** Undefined where this Node is not one of those tried. */
export const NATIVE: NativeBindings | undefined = nativeBindings()
const { streamBaseState, kReadBytesOrError } = NATIVE ?? {
  streamBaseState: new Int32Array(1),
  kReadBytesOrError: 0,
}

/** What libuv calls the end of a stream. */
const UV_EOF = -4095
/** What `shutdown` returns when it is complete already. */
const COMPLETE = 1

export class NativeTls implements Channel, TlsSession {
  readonly encrypted = true
  readonly queued = 0
  readonly #accepted: net.Socket
  readonly #options: TlsOptions
  readonly #bindings: NativeBindings
  readonly #native: TlsWrap
  #onRead: OnRead = ignore
  #onEnd: () => void = ignore
  #secure = false
  #clientEnded = false
  /** Nothing is written behind the end: `shut` once that is on its way. */
  #ending = false
  #shut = false

  constructor(accepted: net.Socket, options: TlsOptions, bindings: NativeBindings) {
    this.#accepted = accepted
    this.#options = options
    this.#bindings = bindings
    const { _handle } = accepted as unknown as { readonly _handle: unknown }
    const native = bindings.wrap(_handle, options.secureContext.context, true, false)
    this.#native = native
    native.session = this
    native.onread = onNativeRead
    native.onhandshakestart = ignore
    native.onhandshakedone = onNativeHandshakeDone
    native.onerror = onNativeError
    native.setVerifyMode(false, false)
    native.setALPNProtocols(options.alpn)
    native.useUserBuffer(READ_VIEW)
    // As Node does it: first the socket closes, then what it was read through goes.
    accepted.once('close', () => native.destroySSL())
  }

  start(octets: Buffer): void {
    this.#native.readStart()
    this.#native.receive(octets)
  }

  get destroyed(): boolean {
    return this.#accepted.destroyed
  }

  get channel(): Channel {
    return this
  }

  get version(): string {
    return this.#secure && !this.destroyed ? this.#native.getProtocol() : ''
  }

  get alpn(): string {
    return this.#native.getALPNNegotiatedProtocol() || ''
  }

  get resumed(): boolean {
    return this.#native.isSessionReused()
  }

  takeReads(onRead: OnRead): void {
    this.#onRead = onRead
  }

  stopReads(): void {
    if (!this.destroyed) this.#native.readStop()
  }

  resumeReads(): void {
    if (!this.destroyed) this.#native.readStart()
  }

  onEnd(listener: () => void): void {
    this.#onEnd = listener
  }

  onDrain(): void {
    // Nothing is ever `queued`.
  }

  writePast(octets: Uint8Array, onComplete: () => void): WrittenPast {
    if (this.destroyed || this.#ending) return 'unable'
    return writeToHandle(this.#native, octets, this, onComplete)
  }

  write(): void {
    // Only after the end, as with any stream: nobody is there to read it.
  }

  end(): void {
    if (this.#ending || this.destroyed) return
    this.#ending = true
    const request = new this.#bindings.ShutdownWrap()
    request.handle = this.#native
    request.oncomplete = () => this.#onShut()
    const status = this.#native.shutdown(request)
    if (status === COMPLETE) this.#onShut()
    else if (status < 0) this.destroy()
  }

  destroy(): void {
    this.#accepted.destroy()
  }

  #onShut(): void {
    this.#shut = true
    if (this.#clientEnded) this.destroy()
  }

  /** @param length octets in `OCTETS`, or an error below 0 */
  read(length: number): void {
    if (this.destroyed || length === 0) return
    if (length > 0) {
      if (!this.#onRead(READ_AT, READ_AT + length)) this.stopReads()
      return
    }
    if (!this.#secure) this.fail('closed')
    else if (length !== UV_EOF) this.destroy()
    else if (!this.#clientEnded) {
      this.#clientEnded = true
      if (this.#shut) this.destroy()
      else this.#onEnd()
    }
  }

  secured(): void {
    if (this.#secure || this.destroyed) return
    this.#secure = true
    this.#options.onSecure()
  }

  /** The alert that says why is on its way already. */
  fail(reason: 'failed' | 'closed'): void {
    if (this.destroyed) return
    this.destroy()
    this.#options.onFailed(this.#secure ? 'broken' : reason)
  }
}

function onNativeRead(this: TlsWrap): void {
  this.session.read(streamBaseState[kReadBytesOrError] as number)
}

function onNativeHandshakeDone(this: TlsWrap): void {
  this.session.secured()
}

function onNativeError(this: TlsWrap): void {
  this.session.fail('failed')
}

// --- By Node's TLSSocket ---------------------------------------------------------------------------

export class SocketTls implements TlsSession {
  readonly channel: Channel
  readonly #accepted: net.Socket
  readonly #tls: tls.TLSSocket

  constructor(accepted: net.Socket, options: TlsOptions) {
    const socket = new tls.TLSSocket(accepted, {
      isServer: true,
      secureContext: options.secureContext,
      ALPNProtocols: options.alpn,
      requestCert: false,
    })
    this.channel = new SocketChannel(socket, true)
    this.#accepted = accepted
    this.#tls = socket
    let secure = false
    let over = false
    const fail = (reason: 'failed' | 'closed'): void => {
      if (over) return
      over = true
      socket.destroy()
      options.onFailed(secure ? 'broken' : reason)
    }
    // Our side stays open when the client's ends (answers go on): a handshake is then over for good.
    const leave = (): void => fail('closed')
    socket.on('error', ignore)
    // Emitted by Node for every TLS failure; before the handshake is over it is the only sign of one.
    socket.on('_tlsError', () => fail('failed'))
    socket.once('end', leave)
    socket.once('secure', () => {
      secure = true
      socket.removeListener('end', leave)
      options.onSecure()
    })
  }

  get version(): string {
    return this.#tls.getProtocol() ?? ''
  }

  get alpn(): string {
    return this.#tls.alpnProtocol || ''
  }

  get resumed(): boolean {
    return this.#tls.isSessionReused()
  }

  start(octets: Buffer): void {
    // What TLS reads first is what lies in the stream of the accepted socket.
    this.#accepted.unshift(octets)
  }
}

function ignore(): boolean {
  return true
}
