/**
 * One connection to an upstream server: writes requests, reads responses (RFC 9112), one at a time.
 * It frames and checks; what is done with a response is its sink's business, whether a request is
 * tried again is the exchange's.
 *
 * @module
 */
import net from 'node:net'
import { ChunkedReader } from '../../wire/chunked-body.ts'
import { ResponseHeadReader } from '../../wire/response-head.ts'
import { HEAD_BYTES_MAX, keep, OCTETS, prepend, READ_AT, READ_VIEW } from './octets.ts'
import { writePast } from './socket.ts'

/** How a connection to an upstream can fail. */
export type UpstreamFailure =
  | 'connect-failed'
  | 'connect-timeout'
  | 'reset'
  | 'first-byte-timeout'
  | 'body-timeout'
  | 'bad-response'
  /** Taken away from a client that reads too slowly, because others wait. */
  | 'evicted'

/** Who receives a response. Octets lie in `OCTETS` and are valid during the call only. */
export interface ResponseSink {
  /** HEAD requests have no body in the response. */
  readonly bodyless: boolean
  /** Chunked bodies are handed on with their framing (checked), else as plain data. */
  readonly wantsChunked: boolean
  /** The request was looked at for a session key: only the edge speaks of it. */
  readonly isUnderSession: boolean
  onInterim(head: ResponseHeadReader): void
  onHead(head: ResponseHeadReader, framing: BodyFraming): void
  onBody(from: number, to: number): void
  /**
   * Trailer fields of a chunked body, as lines with CR LF. Where the framing is handed on it has ended behind the line of
   * the last chunk then: what follows is the sink's to write. Not called for a body without, unless its end came in pieces.
   */
  onTrailer(lines: string): void
  /** The response is complete; `reusable` says whether the connection can serve another. */
  onEnd(reusable: boolean): void
  /** Everything read at once has been handed over: write now. */
  onFlush(): void
  /** 101: from here on the connection is a tunnel; octets that followed lie in from..to. */
  onUpgrade(head: ResponseHeadReader, from: number, to: number): void
  onFailure(failure: UpstreamFailure): void
  /** The connection can take more of the request body. */
  onDrain(): void
}

export type BodyFraming = 'none' | 'length' | 'chunked' | 'close'

export interface UpstreamConnectionOptions {
  readonly host: string
  readonly port: number
  readonly connectMs: number
  readonly firstByteMs: number
  readonly idleMs: number
  /** Sent first on a new connection: a PROXY protocol header, or nothing. */
  readonly preface: Uint8Array | undefined
  /** Whether load reports are looked for in answers. */
  readsLoad(): boolean
  /** Name of the field that says who the user is, in lower case; undefined: none is looked for. */
  userField(): Uint8Array | undefined
  now(): number
  onClose(connection: UpstreamConnection): void
}

type Phase = 'idle' | 'head' | 'length' | 'chunked' | 'close' | 'tunnel' | 'dead'

/** Interim responses (1xx) before the final one; more of them is a flood. */
const INTERIMS_MAX = 32

/** Heads are parsed within one callback: one reader serves all connections of a worker. */
const head = new ResponseHeadReader()

export class UpstreamConnection {
  readonly socket: net.Socket
  /** When the sweep should look again, by `options.now()`; Infinity for never. */
  deadline = Number.POSITIVE_INFINITY
  /** Whether a response has come over this connection before: the next may hit a closing one. */
  used = false
  /** Since when its client has not read on; Infinity while it does. */
  pausedAt = Number.POSITIVE_INFINITY
  #options: UpstreamConnectionOptions
  #sink: ResponseSink | undefined
  #phase: Phase = 'idle'
  #connected = false
  #left = 0
  #interims = 0
  #keepAlive = true
  #pending: Buffer | undefined
  #chunked: ChunkedReader | undefined
  #paused = false
  #tunnel: ((from: number, to: number) => boolean) | undefined

  constructor(options: UpstreamConnectionOptions) {
    this.#options = options
    this.deadline = options.now() + options.connectMs
    this.socket = net.connect({
      host: options.host,
      port: options.port,
      noDelay: true,
      onread: { buffer: READ_VIEW, callback: (length: number) => this.#read(length) },
    })
    if (options.preface !== undefined) this.socket.write(options.preface)
    this.socket.on('connect', () => {
      this.#connected = true
      this.#wait()
    })
    this.socket.on('end', () => this.#ended())
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.#closed())
    this.socket.on('drain', () => this.#sink?.onDrain())
  }

  get idle(): boolean {
    return this.#phase === 'idle'
  }

  /** Sends a request head, with what is there of the body. */
  send(sink: ResponseSink, request: Buffer, body: readonly Buffer[]): void {
    this.#sink = sink
    this.#phase = 'head'
    this.#interims = 0
    this.#wait()
    if (body.length === 0) {
      if (writePast(this.socket, request, ignore) === 'unable') this.socket.write(request)
      return
    }
    this.socket.cork()
    this.socket.write(request)
    for (const piece of body) this.socket.write(piece)
    this.socket.uncork()
  }

  /** Sends more of a request body; false when the sink should wait for `onDrain`. */
  write(piece: Buffer): boolean {
    this.#wait()
    return this.socket.write(piece)
  }

  pause(): void {
    if (!this.#paused) this.pausedAt = this.#options.now()
    this.#paused = true
    this.deadline = Number.POSITIVE_INFINITY
    this.socket.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.pausedAt = Number.POSITIVE_INFINITY
    this.#wait()
    this.socket.resume()
  }

  /** Others need the connection more than a client that does not read. */
  evict(): void {
    this.#fail('evicted')
  }

  /** Turns a connection that answered 101 into a pipe: `onData` returns false to pause. */
  tunnel(onData: (from: number, to: number) => boolean): void {
    this.#phase = 'tunnel'
    this.deadline = Number.POSITIVE_INFINITY
    this.#tunnel = onData
  }

  /** Forgets the sink and closes: what comes after is of no interest. */
  destroy(): void {
    this.#sink = undefined
    this.socket.destroy()
  }

  /** Called by the sweep when `deadline` has passed. */
  expire(): void {
    if (this.#phase === 'idle') this.destroy()
    else if (!this.#connected) this.#fail('connect-timeout')
    else this.#fail(this.#phase === 'head' ? 'first-byte-timeout' : 'body-timeout')
  }

  #wait(): void {
    if (!this.#connected) return
    const { now, idleMs, firstByteMs } = this.#options
    this.deadline = now() + (this.#phase === 'idle' ? idleMs : firstByteMs)
  }

  #read(length: number): boolean {
    let from = READ_AT
    const to = READ_AT + length
    if (this.#tunnel !== undefined) return this.#tunnel(from, to)
    const sink = this.#sink
    if (sink === undefined) {
      // Nobody asked: a server that speaks first cannot be trusted with a request (RFC 9112 section 9.2).
      this.socket.destroy()
      return false
    }
    if (this.#pending !== undefined) {
      from = prepend(this.#pending)
      this.#pending = undefined
    }
    if (this.#phase === 'head') from = this.#heads(sink, from, to)
    if (from < to && this.#sink === sink) this.#body(sink, from, to)
    if (this.#phase !== 'dead') sink.onFlush()
    return !this.#paused
  }

  /** Reads heads until the final one; returns where the body begins, or `to`. */
  #heads(sink: ResponseSink, start: number, to: number): number {
    let from = start
    for (;;) {
      const { readsLoad, userField } = this.#options
      const { isUnderSession } = sink
      const field = userField()
      const read = head.read(OCTETS, from, to, HEAD_BYTES_MAX, readsLoad(), field, isUnderSession)
      if (read === 'incomplete') {
        if (to - from > HEAD_BYTES_MAX) this.#fail('bad-response')
        else if (to > from) this.#pending = keep(from, to)
        return to
      }
      if (read !== 'complete') {
        this.#fail('bad-response')
        return to
      }
      from = head.end
      if (head.status === 101) {
        this.#phase = 'tunnel'
        this.#sink = undefined
        sink.onUpgrade(head, from, to)
        return to
      }
      if (head.status >= 200) break
      if (++this.#interims > INTERIMS_MAX) {
        this.#fail('bad-response')
        return to
      }
      sink.onInterim(head)
      if (from === to) return to
    }
    this.#final(sink, from === to)
    return from
  }

  /** `alone`: nothing was read behind the head. */
  #final(sink: ResponseSink, alone: boolean): void {
    this.used = true
    if (sink.bodyless || head.status === 204 || head.status === 304 || head.contentLength === 0) {
      this.#phase = 'length'
      this.#left = 0
      const { keepAlive } = head
      // A 204 that announces content is about to send some: it would be read as the next answer.
      const announced = head.status === 204 && (head.contentLength > 0 || head.chunked)
      sink.onHead(head, head.contentLength === 0 && !sink.bodyless ? 'length' : 'none')
      this.#finish(sink, keepAlive && alone && !announced)
    } else if (head.chunked) {
      this.#chunked ??= new ChunkedReader()
      this.#chunked.reset()
      this.#phase = 'chunked'
      this.#keepAlive = head.keepAlive
      sink.onHead(head, 'chunked')
    } else if (head.contentLength > 0) {
      this.#phase = 'length'
      this.#left = head.contentLength
      this.#keepAlive = head.keepAlive
      sink.onHead(head, 'length')
    } else {
      this.#phase = 'close'
      sink.onHead(head, 'close')
    }
  }

  #body(sink: ResponseSink, from: number, to: number): void {
    switch (this.#phase) {
      case 'length': {
        const end = Math.min(to, from + this.#left)
        this.#left -= end - from
        sink.onBody(from, end)
        // Octets after the end belong to nothing: the connection is not used again.
        if (this.#left === 0) this.#finish(sink, this.#keepAlive && end === to)
        break
      }
      case 'chunked':
        this.#chunks(sink, from, to)
        break
      case 'close':
        sink.onBody(from, to)
        break
      default:
    }
    if (this.#sink === sink && !this.#paused) this.#wait()
  }

  #chunks(sink: ResponseSink, from: number, to: number): void {
    const reader = this.#chunked as ChunkedReader
    reader.start(from)
    for (;;) {
      const read = reader.next(OCTETS, to)
      if (read === 'data') {
        if (!sink.wantsChunked) sink.onBody(reader.dataStart, reader.dataEnd)
        continue
      }
      if (read === 'more' || read === 'done') {
        if (sink.wantsChunked) this.#framed(sink, reader, from)
        else if (read === 'done' && reader.trailer.length > 0) sink.onTrailer(trailerOf(reader))
        if (read === 'done') this.#finish(sink, this.#keepAlive && reader.at === to)
        return
      }
      this.#fail('bad-response')
      return
    }
  }

  /** Hands on what was read, but for trailer fields: not all of them may be sent on. */
  #framed(sink: ResponseSink, reader: ChunkedReader, from: number): void {
    const isPlain = reader.done && reader.trailer.length === 0 && reader.trailerAt >= from
    const end = isPlain ? reader.at : Math.min(reader.at, reader.trailerAt)
    if (end > from) sink.onBody(from, end)
    if (reader.done && !isPlain) sink.onTrailer(trailerOf(reader))
  }

  #finish(sink: ResponseSink, reusable: boolean): void {
    this.#sink = undefined
    this.#phase = 'idle'
    if (!reusable) this.socket.destroy()
    else if (this.#paused) this.resume()
    else this.#wait()
    sink.onEnd(reusable)
  }

  #ended(): void {
    const sink = this.#sink
    if (this.#phase === 'close' && sink !== undefined) {
      this.#finish(sink, false)
      sink.onFlush()
    }
  }

  #closed(): void {
    const failure = this.#connected ? 'reset' : 'connect-failed'
    this.#options.onClose(this)
    if (this.#sink !== undefined) this.#fail(failure)
    this.#phase = 'dead'
  }

  #fail(failure: UpstreamFailure): void {
    const sink = this.#sink
    this.#sink = undefined
    this.#phase = 'dead'
    this.socket.destroy()
    sink?.onFailure(failure)
  }
}

function trailerOf({ trailer }: ChunkedReader): string {
  return Buffer.from(trailer).toString('latin1')
}

function ignore(): void {}
