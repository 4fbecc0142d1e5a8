/**
 * One HTTP/2 stream: a request and its response. The request is put into HTTP/1.1 and handed to an
 * exchange; the response comes back as HEADERS and DATA within the client's windows.
 *
 * @module
 */
import * as h2 from '../../wire/http2-frame.ts'
import type { ResponseHeadReader } from '../../wire/response-head.ts'
import type { Answer } from './answer.ts'
import type { ServedRoute } from './edge-context.ts'
import { Exchange, type ExchangeFailure, type Front } from './exchange.ts'
import { forwardingFields } from './forwarding.ts'
import type { Http2Connection } from './http2-connection.ts'
import type { RequestFields } from './http2-request.ts'
import { cookiesWithoutSession, sessionRequest } from './http2-session.ts'
import { keep, OCTETS, textOf } from './octets.ts'
import { type RefusalCode, refusal } from './refusal.ts'
import { admitRequest, RequestSession, refusedSession } from './request-session.ts'
import type { SessionRefusal } from './session-answer.ts'
import type { SessionTerms } from './session-check.ts'
import { sendableTrailer } from './trailer.ts'
import type { BodyFraming, UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamPool, UpstreamServer } from './upstream-pool.ts'

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
const NOT_SERVED = new Set(['CONNECT', 'TRACE'])
/** Octets of all responses of a connection that may wait before upstreams are held back. */
const QUEUED_MAX = 1_048_576
const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

export class Http2Stream implements Front {
  readonly id: number
  readonly wantsChunked = false
  /** What the client lets us send on this stream. */
  sendWindow: number
  /** By the monotonic clock; Infinity for never. */
  deadline = Number.POSITIVE_INFINITY
  readonly #connection: Http2Connection
  readonly #exchange: Exchange
  #closed = false
  // The request.
  #pool: UpstreamPool | undefined
  #request = ''
  #method = ''
  #declared = -1
  #body: Buffer[] = []
  #bodyBytes = 0
  #received = 0
  #withheld = 0
  #bodyStartedAt = 0
  #started = false
  #requestEnded = false
  /** Where its route looks at session keys. */
  #session: RequestSession | undefined
  #isCompared = false
  /** There was more behind the fields, if only the word that there is nothing. */
  #isWithBody = false
  // The response.
  #headSent = false
  #endSent = false
  #setCookie: Buffer | undefined
  #from = 0
  #to = 0
  #finished = false
  #queue: Buffer[] = []
  #queued = 0
  #trailer = ''
  #stalledAt = 0
  #stalledBytes = 0

  constructor(id: number, connection: Http2Connection) {
    this.id = id
    this.#connection = connection
    this.sendWindow = connection.streamWindow
    this.#exchange = new Exchange(this, connection.edge.meter, connection.edge.now)
  }

  // --- The request ---------------------------------------------------------------------------------

  onRequest(fields: RequestFields, ended: boolean): void {
    const { edge, client } = this.#connection
    this.#exchange.startedAt = edge.now()
    this.#method = fields.method
    const { path, authority } = fields
    const answer = client.gate?.ask({
      target: path,
      userAgent: fields.text('user-agent'),
      accept: fields.text('accept'),
      cookies: fields.cookies,
    })
    if (answer !== undefined) {
      this.#requestEnded = ended
      this.#answer(answer)
      return
    }
    const route = this.#routeFor(fields)
    if (typeof route === 'string') {
      this.refuse(route)
      return
    }
    const { pool, session } = route
    this.#pool = pool
    if (session !== undefined && !this.#passes(session, fields, ended)) return
    if (pool.settings.choose === 'fit') this.#exchange.fit = edge.fitting(client, pool, false)
    if (pool.settings.affinity !== undefined) {
      const { key, issue } = edge.affinity.read(pool.settings.affinity.cookie, fields.cookies)
      this.#exchange.stickyKey = key
      this.#setCookie = issue
    }
    const suffix = this.#connection.suffix(authority, () =>
      forwardingFields(client, authority, '2'),
    )
    const cookies = session === undefined ? fields.cookies : cookiesWithoutSession(fields.cookies)
    const cookie = cookies === '' ? '' : `cookie: ${cookies}\r\n`
    const proof = session === undefined ? fields.proofLines : (this.#session?.assertion?.text ?? '')
    this.#request = `${fields.method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n${fields.lines}${cookie}${proof}${suffix}${pool.settings.fields ?? ''}`
    this.#declared = fields.contentLength
    if (ended) {
      if (this.#declared > 0) {
        this.abort(h2.PROTOCOL_ERROR)
        return
      }
      this.#requestEnded = true
      if (this.#session?.isHeld !== true) this.#startWhole()
      return
    }
    if (this.#declared > edge.settings.limits.bodyBytes) {
      this.refuse('body-too-large')
      return
    }
    this.#bodyStartedAt = this.#exchange.startedAt
    this.deadline = this.#bodyStartedAt + edge.settings.timeouts.bodyMs
    if (fields.expectsContinue) this.#interim(100, '')
  }

  /** The route of a request, or why there is none. */
  #routeFor({ method, path, authority }: RequestFields): ServedRoute | RefusalCode {
    const { edge } = this.#connection
    if (NOT_SERVED.has(method)) return 'method-not-served'
    if (path.length > edge.settings.limits.urlBytes) return 'target-too-long'
    return edge.route(authority, () => path) ?? 'no-route'
  }

  // --- Session keys --------------------------------------------------------------------------------

  /** False when the request has been answered instead. */
  #passes(terms: SessionTerms, fields: RequestFields, ended: boolean): boolean {
    const { edge, client } = this.#connection
    const { secure, decision } = client
    const request = sessionRequest(fields, ended, { secure, tier: decision?.tier ?? 1 })
    const admitted = admitRequest(edge, client, terms, request, (name) => fields.text(name))
    if ('status' in admitted) {
      this.#requestEnded = ended
      this.#answer(admitted)
      return false
    }
    this.#session = new RequestSession(admitted, (refusal) => this.#heardOfProof(refusal))
    return true
  }

  /** Nothing has been sent on so far. */
  #heardOfProof(refusal: SessionRefusal | undefined): void {
    if (refusal !== undefined) this.#refuseSession(refusal)
    else if (this.#requestEnded) this.#startWhole()
    else {
      if (this.#bodyBytes >= this.#connection.edge.settings.limits.requestBufferBytes) {
        this.#bodyTooLargeToHold()
      }
      this.#allowMore()
    }
  }

  #refuseSession(code: SessionRefusal): void {
    const { edge, client } = this.#connection
    const answer = refusedSession(edge, client, code)
    if (this.#headSent) this.abort(h2.CANCEL)
    else this.#answer(answer)
  }

  /** Compares what has come with the digest, before the last of it is sent on. False: it has been answered. */
  #isAsSigned(from: number, to: number, ended: boolean): boolean {
    const digest = this.#session?.digest
    if (digest === undefined || this.#isCompared) return true
    if (to > from) digest.update(OCTETS.subarray(from, to))
    // All that was announced is all there is, whether the end has been said or not.
    if (!ended && this.#bodyBytes !== this.#declared) return true
    this.#isCompared = true
    if (digest.matches()) return true
    this.#requestEnded = ended
    this.#refuseSession('digest_mismatch')
    return false
  }

  // --- The request's body --------------------------------------------------------------------------

  /** DATA: `flow` counts padding too. Returns an error code for the stream, or NO_ERROR. */
  onData(from: number, to: number, flow: number, ended: boolean, window: number): number {
    if (this.#requestEnded) return h2.STREAM_CLOSED
    this.#received += flow
    if (this.#received > window) return h2.FLOW_CONTROL_ERROR
    const length = to - from
    this.#bodyBytes += length
    if (this.#declared >= 0 && this.#bodyBytes > this.#declared) return h2.PROTOCOL_ERROR
    if (ended && this.#declared >= 0 && this.#bodyBytes !== this.#declared) return h2.PROTOCOL_ERROR
    const { limits } = this.#connection.edge.settings
    if (this.#bodyBytes > limits.bodyBytes) {
      this.refuse('body-too-large')
      return h2.NO_ERROR
    }
    if (!this.#isAsSigned(from, to, ended)) return h2.NO_ERROR
    if (length > 0) this.#body.push(keep(from, to))
    this.deadline = this.#bodyDeadline()
    if (ended) this.#bodyComplete()
    else {
      if (this.#started) this.#stream()
      else if (this.#bodyBytes >= limits.requestBufferBytes && this.#session?.isHeld !== true) {
        this.#bodyTooLargeToHold()
      }
      this.#allowMore()
    }
    return h2.NO_ERROR
  }

  #bodyDeadline(): number {
    const { bodyMs, bodyBytesPerSecondMin } = this.#connection.edge.settings.timeouts
    return this.#bodyStartedAt + bodyMs + (this.#bodyBytes * 1000) / bodyBytesPerSecondMin
  }

  #bodyComplete(): void {
    this.#requestEnded = true
    this.deadline = Number.POSITIVE_INFINITY
    if (!this.#started) {
      this.#isWithBody = true
      if (this.#session?.isHeld !== true) this.#startWhole()
      return
    }
    this.#exchange.bodyEnds()
    this.#stream()
    if (this.#declared < 0) this.#exchange.write(LAST_CHUNK)
  }

  /** The request is here, and all of it may be sent on. */
  #startWhole(): void {
    // A length of 0 was said by the client and means something for POST; others have no body.
    const length = this.#isWithBody ? this.#bodyBytes : this.#declared
    const body = this.#body
    this.#body = []
    this.#start(length < 0 ? '\r\n' : `content-length: ${length}\r\n\r\n`, body, false)
  }

  #bodyTooLargeToHold(): void {
    const framing =
      this.#declared >= 0 ? `content-length: ${this.#declared}` : 'transfer-encoding: chunked'
    this.#start(`${framing}\r\n\r\n`, this.#takeBody(), true)
  }

  #stream(): void {
    let more = true
    for (const piece of this.#takeBody()) more = this.#exchange.write(piece)
    if (!more) this.#withheld = 1
  }

  #takeBody(): Buffer[] {
    const body = this.#body
    this.#body = []
    if (this.#declared >= 0 || body.length === 0) return body
    const bytes = body.reduce((sum, piece) => sum + piece.length, 0)
    return [Buffer.from(`${bytes.toString(16)}\r\n`), ...body, CRLF]
  }

  /** Gives the client room for more of the body, unless the upstream is slow. */
  #allowMore(): void {
    if (this.#withheld > 0 || this.#received < 32_768) return
    if (
      this.#session?.isHeld === true &&
      this.#bodyBytes >= this.#connection.edge.settings.limits.requestBufferBytes
    )
      return
    this.#connection.allow(this.id, this.#received)
    this.#received = 0
  }

  #start(framing: string, body: readonly Buffer[], streaming: boolean): void {
    this.#started = true
    const request = Buffer.from(this.#request + framing, 'latin1')
    this.#request = ''
    this.#exchange.start(this.#pool as UpstreamPool, request, body, {
      idempotent: IDEMPOTENT.has(this.#method),
      bodyless: this.#method === 'HEAD',
      streaming,
    })
  }

  // --- The response --------------------------------------------------------------------------------

  preface(server: UpstreamServer): Uint8Array | undefined {
    return server.settings.proxyProtocol === 'v2'
      ? this.#connection.client.proxyHeader()
      : undefined
  }

  onInterim(head: ResponseHeadReader): void {
    if (this.#closed || head.status === 100) return
    this.#interim(head.status, textOf(head.statusLineEnd, head.end - 2))
  }

  onHead(head: ResponseHeadReader, framing: BodyFraming): void {
    if (this.#closed) return
    const { output, encoder } = this.#connection
    const bodyless = framing === 'none' || head.contentLength === 0
    const hint = this.#session?.hint
    let room = 64 + (head.end - head.statusLineEnd) * 2
    if (this.#setCookie !== undefined) room += this.#setCookie.length * 2
    if (hint !== undefined) room += hint.length * 2
    const block = room > h2.FRAME_BYTES_MAX ? Buffer.allocUnsafe(room) : undefined
    if (block === undefined) output.room(room + h2.FRAME_HEADER_BYTES)
    const out = block ?? output.buffer
    const start = block === undefined ? output.used + h2.FRAME_HEADER_BYTES : 0
    let at = encoder.begin(out, start)
    at = encoder.encode(':status', String(head.status), out, at)
    at = this.#encodeLines(head, out, at)
    if (this.#setCookie !== undefined) {
      const line = this.#setCookie.toString('latin1', 0, this.#setCookie.length - 2)
      at = encoder.encodeLine(line, out, at)
    }
    if (hint !== undefined) {
      at = encoder.encodeLine(hint.toString('latin1', 0, hint.length - 2), out, at)
    }
    this.#headSent = true
    this.#headers(block, at - start, bodyless)
    if (bodyless) this.#endSent = true
  }

  #encodeLines(head: ResponseHeadReader, out: Uint8Array, start: number): number {
    const { encoder } = this.#connection
    let at = start
    let cut = 0
    for (let line = head.statusLineEnd; line < head.end - 2; ) {
      const next = OCTETS.indexOf(10, line) + 1
      if (cut < head.cutCount && head.cuts[2 * cut] === line) cut++
      else if (line !== head.transferEncodingStart) {
        at = encoder.encodeLine(textOf(line, next - 2), out, at)
      }
      line = next
    }
    return at
  }

  /** Writes a header block as one HEADERS frame, or with CONTINUATIONs when it is long. */
  #headers(block: Buffer | undefined, length: number, ends: boolean): void {
    const { output } = this.#connection
    const end = ends ? h2.END_STREAM : 0
    if (block === undefined) {
      h2.writeFrameHeader(
        output.buffer,
        output.used,
        length,
        h2.HEADERS,
        h2.END_HEADERS | end,
        this.id,
      )
      output.used += h2.FRAME_HEADER_BYTES + length
      return
    }
    for (let at = 0; at < length; at += h2.FRAME_BYTES_MAX) {
      const size = Math.min(h2.FRAME_BYTES_MAX, length - at)
      const flags = (at === 0 ? end : 0) | (at + size === length ? h2.END_HEADERS : 0)
      output.room(size + h2.FRAME_HEADER_BYTES)
      const type = at === 0 ? h2.HEADERS : h2.CONTINUATION
      const payload = h2.writeFrameHeader(output.buffer, output.used, size, type, flags, this.id)
      block.copy(output.buffer, payload, at, at + size)
      output.used = payload + size
    }
  }

  #interim(status: number, lines: string): void {
    const { output, encoder } = this.#connection
    const room = 64 + lines.length * 2
    if (room > h2.FRAME_BYTES_MAX) return
    output.room(room + h2.FRAME_HEADER_BYTES)
    const start = output.used + h2.FRAME_HEADER_BYTES
    let at = encoder.begin(output.buffer, start)
    at = encoder.encode(':status', String(status), output.buffer, at)
    for (const line of lines.split('\r\n')) {
      if (line === '' || /^(?:connection|keep-alive|proxy-connection|upgrade):/i.test(line))
        continue
      at = encoder.encodeLine(line, output.buffer, at)
    }
    this.#headers(undefined, at - start, false)
  }

  onBody(from: number, to: number): void {
    if (this.#closed || from === to) return
    if (this.#to > this.#from) {
      if (from === this.#to) {
        this.#to = to
        return
      }
      this.#emit(false)
    }
    this.#from = from
    this.#to = to
  }

  onTrailer(lines: string): void {
    // HTTP/2 knows no connection-level fields: a client would call the response malformed.
    this.#trailer = sendableTrailer(lines)
  }

  onEnd(): void {
    this.#finished = true
  }

  onFlush(): void {
    if (this.#closed) return
    if (this.#to > this.#from) this.#emit(this.#finished && this.#trailer === '')
    if (this.#finished && this.#queued === 0) this.#end()
  }

  onUpgrade(_: ResponseHeadReader, connection: UpstreamConnection): void {
    // Not asked for, so not understood.
    this.#exchange.tunnelClosed(connection)
    this.onFailure('upstream-malformed', false)
  }

  onFailure(failure: ExchangeFailure, begun: boolean): void {
    if (this.#closed) return
    if (begun || this.#headSent) {
      this.#connection.edge.meter.refused(failure)
      this.abort(h2.INTERNAL_ERROR)
    } else this.refuse(failure)
  }

  onDrain(): void {
    this.#withheld = 0
    if (!this.#requestEnded && !this.#closed) this.#allowMore()
  }

  // --- Writing -------------------------------------------------------------------------------------

  /** Sends `OCTETS[#from..#to)` as far as windows allow; the rest waits. */
  #emit(last: boolean): void {
    let from = this.#from
    const to = this.#to
    this.#from = 0
    this.#to = 0
    if (this.#queued === 0) {
      while (from < to) {
        const size = this.#allowed(to - from)
        if (size === 0) break
        this.#frame(OCTETS, from, size, last && from + size === to)
        from += size
      }
    }
    if (from === to) return
    this.#queue.push(keep(from, to))
    this.#wait(to - from)
    this.#stalled(to - from)
  }

  #allowed(wanted: number): number {
    const { sendWindow, open } = this.#connection
    if (!open) return 0
    return Math.max(0, Math.min(wanted, sendWindow, this.sendWindow, h2.FRAME_BYTES_MAX))
  }

  #frame(bytes: Buffer, from: number, size: number, last: boolean): void {
    const { output } = this.#connection
    output.room(size + h2.FRAME_HEADER_BYTES)
    const flags = last ? h2.END_STREAM : 0
    const at = h2.writeFrameHeader(output.buffer, output.used, size, h2.DATA, flags, this.id)
    bytes.copy(output.buffer, at, from, from + size)
    output.used = at + size
    this.#connection.sendWindow -= size
    this.sendWindow -= size
    if (last) this.#endSent = true
  }

  /** Counts octets that wait for a window, on the stream and on the connection. */
  #wait(bytes: number): void {
    this.#queued += bytes
    this.#connection.queued += bytes
  }

  /** Windows have grown or the socket has drained: sends what waits. */
  pump(): void {
    while (this.#queued > 0) {
      const piece = this.#queue[0] as Buffer
      const size = this.#allowed(piece.length)
      if (size === 0) return
      const last = this.#finished && this.#trailer === '' && size === this.#queued
      this.#frame(piece, 0, size, last)
      this.#wait(-size)
      if (size === piece.length) this.#queue.shift()
      else this.#queue[0] = piece.subarray(size)
    }
    this.#stalledAt = 0
    this.deadline = this.#requestEnded ? Number.POSITIVE_INFINITY : this.#bodyDeadline()
    this.#exchange.resume()
    if (this.#finished) this.#end()
  }

  #stalled(bytes: number): void {
    const { limits, timeouts } = this.#connection.edge.settings
    const tooMuch =
      this.#queued > limits.responseBufferBytes || this.#connection.queued > QUEUED_MAX
    if (tooMuch) this.#exchange.pause()
    if (this.#stalledAt === 0) {
      this.#stalledAt = this.#connection.edge.lately
      this.#stalledBytes = 0
    }
    this.#stalledBytes += bytes
    this.deadline =
      this.#stalledAt +
      timeouts.readMs +
      (this.#stalledBytes * 1000) / timeouts.readBytesPerSecondMin
  }

  // --- Ends ----------------------------------------------------------------------------------------

  #end(): void {
    if (this.#closed) return
    if (this.#trailer !== '') this.#sendTrailer()
    else if (!this.#endSent) this.#frame(OCTETS, 0, 0, true)
    // The response is complete before the request is: the rest of it is not wanted (section 8.1).
    if (!this.#requestEnded) this.#connection.resetStream(this.id, h2.NO_ERROR)
    this.#close()
  }

  #sendTrailer(): void {
    const { output, encoder } = this.#connection
    const lines = this.#trailer.split('\r\n').filter((line) => line !== '')
    output.room(this.#trailer.length * 2 + 64)
    const start = output.used + h2.FRAME_HEADER_BYTES
    let at = encoder.begin(output.buffer, start)
    for (const line of lines) at = encoder.encodeLine(line, output.buffer, at)
    this.#headers(undefined, at - start, true)
  }

  /** Limen answers by itself. */
  refuse(code: RefusalCode): void {
    const { edge, client } = this.#connection
    edge.meter.refused(code)
    if (this.#headSent) {
      this.abort(h2.INTERNAL_ERROR)
      return
    }
    const { status, body } = refusal(code, client.decision?.id ?? '')
    const fields = [
      ['content-type', 'application/problem+json'],
      ['cache-control', 'no-store'],
    ] as const
    this.#answer({ status, fields, body })
  }

  /** An answer of Limen's own. */
  #answer({ status, fields, body }: Answer): void {
    const { edge, output, encoder } = this.#connection
    edge.meter.responded(status, 0)
    const octets = this.#method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(body)
    this.#session?.end()
    // First: it may let another stream of this connection write its own refusal.
    this.#exchange.abandon()
    const text = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 8, 0)
    output.room(64 + 2 * text + h2.FRAME_HEADER_BYTES)
    const start = output.used + h2.FRAME_HEADER_BYTES
    let at = encoder.begin(output.buffer, start)
    at = encoder.encode(':status', String(status), output.buffer, at)
    for (const [name, value] of fields) {
      at = encoder.encode(name.toLowerCase(), value, output.buffer, at)
    }
    at = encoder.encode('content-length', String(Buffer.byteLength(body)), output.buffer, at)
    this.#headSent = true
    this.#headers(undefined, at - start, octets.length === 0)
    this.#endSent = octets.length === 0
    this.#finished = true
    if (octets.length > 0) {
      this.#queue = [octets]
      this.#wait(octets.length)
      this.#stalled(octets.length)
      this.pump()
    } else this.#end()
  }

  /** Resets the stream because of something we or the client found wrong. */
  abort(code: number): void {
    if (this.#closed) return
    this.#connection.resetStream(this.id, code)
    this.#exchange.abandon()
    this.#close()
  }

  /** The client reset the stream, or the connection is gone. */
  onReset(): void {
    if (this.#closed) return
    this.#exchange.abandon()
    this.#close()
  }

  expire(now: number): void {
    if (this.deadline > now) return
    if (this.#stalledAt > 0) {
      this.#connection.edge.meter.refused('read-timeout')
      this.abort(h2.CANCEL)
    } else this.refuse('body-timeout')
  }

  #close(): void {
    this.#closed = true
    this.#session?.end()
    this.#queue = []
    this.#wait(-this.#queued)
    this.#body = []
    this.#connection.over(this)
  }
}
