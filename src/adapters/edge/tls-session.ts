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
import tls from 'node:tls'
import { type Accepted, SocketAccepted } from './accepted.ts'
import { type Channel, SocketChannel } from './channel.ts'
import { HandleChannel } from './handle-channel.ts'
import { NATIVE, type NativeStreams, type TlsHandle } from './native-streams.ts'

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
export function newTlsSession(accepted: Accepted, options: TlsOptions): TlsSession {
  if (NATIVE !== undefined) return new NativeTls(accepted, options, NATIVE)
  if (accepted instanceof SocketAccepted) return new SocketTls(accepted, options)
  throw new TypeError('Cannot put TLS on a connection without a socket')
}

// --- By the native part ----------------------------------------------------------------------------

export class NativeTls implements TlsSession {
  readonly channel: Channel
  readonly encrypted = true
  readonly #accepted: Accepted
  readonly #options: TlsOptions
  readonly #native: TlsHandle
  #secure = false

  constructor(accepted: Accepted, options: TlsOptions, streams: NativeStreams) {
    const native = streams.wrap(accepted.handle, options.secureContext.context, true, false)
    this.#accepted = accepted
    this.#options = options
    this.#native = native
    this.channel = new HandleChannel(native, streams, this)
    native.session = this
    native.onhandshakestart = ignore
    native.onhandshakedone = onHandshakeDone
    native.onerror = onError
    native.setVerifyMode(false, false)
    native.setALPNProtocols(options.alpn)
    accepted.onClose(() => this.#letGo())
  }

  start(octets: Buffer): void {
    this.#native.readStart()
    this.#native.receive(octets)
  }

  get destroyed(): boolean {
    return this.#accepted.destroyed
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

  destroy(): void {
    this.#accepted.destroy()
  }

  isOver(): boolean {
    if (this.#secure) return false
    this.fail('closed')
    return true
  }

  secured(): void {
    if (this.#secure || this.destroyed) return
    this.#secure = true
    this.#options.onSecure()
  }

  /**
   * As Node does it: first the socket closes, then what it was read through goes. V8 keeps the native part until the next
   * collection of the old generation: it may not keep the connection as long.
   */
  #letGo(): void {
    this.#native.destroySSL()
    this.#native.session = NOBODY
    this.#native.channel = NOBODY
  }

  /** The alert that says why is on its way already. */
  fail(reason: 'failed' | 'closed'): void {
    if (this.destroyed) return
    this.destroy()
    this.#options.onFailed(this.#secure ? 'broken' : reason)
  }
}

/** In place of a session and a channel that are over. */
const NOBODY = { secured: ignore, fail: ignore, read: ignore }

// Shared by all connections: a closure for each would cost more than the property.

function onHandshakeDone(this: TlsHandle): void {
  this.session.secured()
}

function onError(this: TlsHandle): void {
  this.session.fail('failed')
}

// --- By Node's TLSSocket ---------------------------------------------------------------------------

export class SocketTls implements TlsSession {
  readonly channel: Channel
  readonly #accepted: SocketAccepted
  readonly #tls: tls.TLSSocket

  constructor(accepted: SocketAccepted, options: TlsOptions) {
    const socket = new tls.TLSSocket(accepted.socket, {
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
    this.#accepted.socket.unshift(octets)
  }
}

function ignore(): boolean {
  return true
}
