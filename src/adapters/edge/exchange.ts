/**
 * One request and its response: from the front that asked (an HTTP/1 connection or an HTTP/2 stream)
 * to an upstream connection and back. Holds the request until it can no longer be needed again, tries
 * again where that is safe (RFC 9110 section 9.2.2), measures.
 *
 * @module
 */
import { NO_KEY } from '../../routing/balancer.ts'
import type { ResponseHeadReader } from '../../wire/response-head.ts'
import type { CacheRecording } from './cache-recording.ts'
import type { FittingRequest } from './client-kinds.ts'
import type { Meter } from './meter.ts'
import { textOf } from './octets.ts'
import type { PlacedSession, PlaceLeft } from './session-places.ts'
import type {
  BodyFraming,
  ResponseSink,
  UpstreamConnection,
  UpstreamFailure,
} from './upstream-connection.ts'
import type { UpstreamPool, UpstreamServer, Waiter } from './upstream-pool.ts'

/** Why no response came, as far as the client is told. */
export type ExchangeFailure =
  | 'no-upstream'
  | 'upstream-busy'
  | 'upstream-unreachable'
  | 'upstream-reset'
  | 'upstream-timeout'
  | 'upstream-malformed'
  | 'slow-reader'

/** Who asked. Octets lie in `OCTETS`, valid during the call only. */
export interface Front {
  readonly wantsChunked: boolean
  readonly isUnderSession: boolean
  onInterim(head: ResponseHeadReader): void
  onHead(head: ResponseHeadReader, framing: BodyFraming): void
  /** Before its head: who the server says the user is. */
  onUser(value: string): void
  onBody(from: number, to: number): void
  onTrailer(lines: string): void
  onEnd(): void
  onFlush(): void
  onUpgrade(
    head: ResponseHeadReader,
    connection: UpstreamConnection,
    from: number,
    to: number,
  ): void
  /** `begun`: part of the response has already been handed over, it can only be cut off. */
  onFailure(failure: ExchangeFailure, begun: boolean): void
  onDrain(): void
  /** The PROXY protocol header for a connection to this server, if it wants one. */
  preface(server: UpstreamServer): Uint8Array | undefined
}

const FAILURES: Readonly<Record<UpstreamFailure, ExchangeFailure>> = {
  'connect-failed': 'upstream-unreachable',
  'connect-timeout': 'upstream-timeout',
  reset: 'upstream-reset',
  'first-byte-timeout': 'upstream-timeout',
  'body-timeout': 'upstream-timeout',
  'bad-response': 'upstream-malformed',
  evicted: 'slow-reader',
}

/** A request is sent at most this often: the first time and two more. */
const ATTEMPTS_MAX = 3
const NO_BODY: readonly Buffer[] = []

export class Exchange implements ResponseSink, Waiter {
  readonly #asker: Front
  /** Who asked, or what stands between for this one request. */
  #front: Front
  #recording: CacheRecording | undefined
  readonly #meter: Meter
  #now: () => number
  bodyless = false
  stickyKey = NO_KEY
  session: PlacedSession | undefined
  left: PlaceLeft | undefined
  fit: FittingRequest | undefined
  /** Of the response body, so far. */
  #bytes = 0
  except: UpstreamServer | undefined
  /** When the request head was complete, ms. */
  startedAt = 0
  /** When a server got it last, ms. */
  #takenAt = 0
  #pool: UpstreamPool | undefined
  #request: Buffer | undefined
  #kind = 0
  #body: readonly Buffer[] = NO_BODY
  /** The body goes on after what is in `#body`, so it cannot be sent twice. */
  #streaming = false
  /** All of the body has been handed over: a connection that still owes some of it is not kept. */
  #bodyWhole = true
  #idempotent = false
  #attempts = 0
  #connection: UpstreamConnection | undefined
  #server: UpstreamServer | undefined
  #begun = false
  #abandoned = false
  #streamedEarly: Buffer[] | undefined

  constructor(front: Front, meter: Meter, now: () => number) {
    this.#asker = front
    this.#front = front
    this.#meter = meter
    this.#now = now
  }

  get wantsChunked(): boolean {
    return this.#front.wantsChunked
  }

  get isUnderSession(): boolean {
    return this.#front.isUnderSession
  }

  /** The server that serves (or served) this exchange. */
  get server(): UpstreamServer | undefined {
    return this.#server
  }

  get connection(): UpstreamConnection | undefined {
    return this.#connection
  }

  /** Sends a request. `streaming`: more of the body follows by {@link write}. `recording`: of {@link Front}s, this one. */
  start(
    pool: UpstreamPool,
    request: Buffer,
    body: readonly Buffer[],
    how: {
      readonly idempotent: boolean
      readonly bodyless: boolean
      readonly streaming: boolean
      readonly recording?: CacheRecording | undefined
    },
  ): void {
    this.#recording = how.recording
    this.#front = how.recording ?? this.#asker
    this.#pool = pool
    this.#request = request
    this.#kind = pool.kindOf(request)
    this.#body = body
    this.#idempotent = how.idempotent
    this.#streaming = how.streaming
    this.#bodyWhole = !how.streaming
    this.bodyless = how.bodyless
    this.#attempts = 1
    this.#bytes = 0
    this.#begun = false
    this.#streamedEarly = undefined
    this.except = undefined
    pool.request(this)
  }

  /** More of a streamed body; false when the front should wait for `onDrain`. */
  write(piece: Buffer): boolean {
    if (this.#connection !== undefined) return this.#connection.write(piece)
    if (this.#request === undefined) return true
    this.#streamedEarly ??= []
    this.#streamedEarly.push(piece)
    return false
  }

  /** The streamed body ends with the next {@link write}, or has ended. */
  bodyEnds(): void {
    this.#bodyWhole = true
  }

  /** The client cannot take more for now. */
  pause(): void {
    this.#connection?.pause()
  }

  resume(): void {
    this.#connection?.resume()
  }

  /** The client is gone: nobody waits for the response any more. */
  abandon(): void {
    const connection = this.#connection
    const server = this.#server
    this.#connection = undefined
    this.#request = undefined
    this.#abandoned = true
    this.#recording?.drop()
    if (connection === undefined || server === undefined) return
    connection.destroy()
    this.#pool?.release(connection, server, false)
  }

  take(connection: UpstreamConnection, server: UpstreamServer): void {
    this.#server = server
    if (this.#abandoned || this.#request === undefined) {
      this.#pool?.release(connection, server, server.settings.proxyProtocol === 'off')
      return
    }
    this.#connection = connection
    this.#takenAt = this.#now()
    connection.send(this, this.#request, this.#body)
    if (this.#streamedEarly !== undefined) {
      for (const piece of this.#streamedEarly) connection.write(piece)
      this.#streamedEarly = undefined
      this.#front.onDrain()
    }
  }

  giveUp(reason: 'no-server' | 'queue-full' | 'queue-timeout'): void {
    if (this.#abandoned) return
    this.#request = undefined
    this.#front.onFailure(reason === 'no-server' ? 'no-upstream' : 'upstream-busy', false)
  }

  preface(server: UpstreamServer): Uint8Array | undefined {
    return this.#front.preface(server)
  }

  onInterim(head: ResponseHeadReader): void {
    this.#front.onInterim(head)
  }

  onHead(head: ResponseHeadReader, framing: BodyFraming): void {
    this.#begun = true
    this.#request = undefined
    this.#body = NO_BODY
    const now = this.#now()
    this.#meter.responded(head.status, now - this.startedAt)
    const server = this.#server as UpstreamServer
    if (head.status >= 502 && head.status <= 504) this.#pool?.failed(server, this.fit)
    else {
      // How long a client takes to send a body says nothing about the server.
      const latencyMs = this.#streaming ? undefined : now - this.#takenAt
      const fresh = this.#connection?.used === false
      const isError = head.status >= 500
      this.#pool?.succeeded(server, latencyMs, this.#kind, this.fit, { fresh, isError })
    }
    if (head.loadStart > 0)
      server.said.hear(textOf(head.loadStart, head.loadEnd), head.isLoadBinary, now)
    if (head.userStart > 0) this.#front.onUser(textOf(head.userStart, head.userEnd))
    this.#front.onHead(head, framing)
  }

  onBody(from: number, to: number): void {
    this.#bytes += to - from
    this.#front.onBody(from, to)
  }

  onTrailer(lines: string): void {
    this.#front.onTrailer(lines)
  }

  onEnd(reusable: boolean): void {
    const connection = this.#connection as UpstreamConnection
    this.#connection = undefined
    const exclusive = this.#server?.settings.proxyProtocol !== 'off'
    // Answered before the request was whole: what is sent next would be read as the rest of its body.
    const clean = reusable && !exclusive && this.#bodyWhole
    this.#pool?.release(connection, this.#server as UpstreamServer, clean)
    this.fit?.kinds.answered(this.fit.client.cluster, this.#bytes)
    this.#front.onEnd()
  }

  onFlush(): void {
    this.#front.onFlush()
  }

  onUpgrade(head: ResponseHeadReader, from: number, to: number): void {
    const connection = this.#connection as UpstreamConnection
    this.#connection = undefined
    this.#request = undefined
    const now = this.#now()
    this.#meter.responded(101, now - this.startedAt)
    const server = this.#server as UpstreamServer
    this.#pool?.succeeded(server, now - this.#takenAt, this.#kind, this.fit)
    server.pace.tunnels++
    this.#front.onUpgrade(head, connection, from, to)
  }

  /** The tunnel that followed an upgrade is closed. */
  tunnelClosed(connection: UpstreamConnection): void {
    const server = this.#server as UpstreamServer
    server.pace.tunnels--
    this.#pool?.release(connection, server, false)
  }

  onFailure(failure: UpstreamFailure): void {
    const connection = this.#connection as UpstreamConnection
    const server = this.#server as UpstreamServer
    this.#connection = undefined
    const pool = this.#pool as UpstreamPool
    // A kept connection that closes under the request is an ordinary race, not the server's failure.
    const race = failure === 'reset' && connection.used && !this.#begun
    if (!race && failure !== 'evicted') pool.failed(server, this.fit)
    pool.release(connection, server, false)
    if (this.#mayRetry(failure)) {
      this.#attempts++
      this.#meter.retries++
      this.except = race && this.#attempts === 2 ? undefined : server
      pool.request(this)
      return
    }
    this.#request = undefined
    this.#front.onFailure(FAILURES[failure], this.#begun)
  }

  onDrain(): void {
    this.#front.onDrain()
  }

  /** Only what was surely not acted on, or may be acted on twice, and can be sent again whole. */
  #mayRetry(failure: UpstreamFailure): boolean {
    if (this.#begun || this.#attempts >= ATTEMPTS_MAX || this.#request === undefined) return false
    if (failure === 'connect-failed' || failure === 'connect-timeout') return !this.#streaming
    return failure === 'reset' && this.#idempotent && !this.#streaming
  }
}
