/**
 * One HTTP/2 stream: a request and its response. The request is put into HTTP/1.1 and handed to an
 * exchange; the response comes back as HEADERS and DATA within the client's windows.
 *
 * @module
 */
import type { Tier } from '../../behavior/tier.ts'
import * as h2 from '../../wire/http2-frame.ts'
import type { ResponseHeadReader } from '../../wire/response-head.ts'
import { type Answer, lengthOf, type OctetAnswer } from './answer.ts'
import { type BodySealer, sealedLines, sealedTrailer } from './body-sealing.ts'
import { CacheRecording } from './cache-recording.ts'
import type { ServedRoute } from './edge-context.ts'
import { Exchange, type ExchangeFailure, type Front } from './exchange.ts'
import { forwardingFields } from './forwarding.ts'
import type { Http2Connection } from './http2-connection.ts'
import type { RequestFields } from './http2-request.ts'
import { Http2RequestBody } from './http2-request-body.ts'
import { Http2Sender } from './http2-sender.ts'
import { cookiesWithoutSession, linesWithoutSeal, sessionRequest } from './http2-session.ts'
import { keep, OCTETS, textOf } from './octets.ts'
import { type RefusalCode, refusal } from './refusal.ts'
import { captureOver, type RequestCapture } from './request-captures.ts'
import { admitRequest, RequestSession, refusedSession } from './request-session.ts'
import type { CacheQuestion, Filling, ResponseCache } from './response-cache.ts'
import { keptLines } from './response-rewrite.ts'
import { highestTier, isDesk, leftFor, poolOf } from './route-pool.ts'
import type { SessionRefusal } from './session-answer.ts'
import type { SessionTerms } from './session-check.ts'
import { SlowReader } from './slow-reader.ts'
import { sendableTrailer } from './trailer.ts'
import type { BodyFraming, UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamPool, UpstreamServer } from './upstream-pool.ts'

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
const NOT_SERVED = new Set(['CONNECT', 'TRACE'])
/** Octets of all responses of a connection that may wait before upstreams are held back. */
const QUEUED_MAX = 1_048_576

/** What of the Cookie field is sent on. */
function cookieLine({ cookies }: RequestFields, session: SessionTerms | undefined): string {
  const kept = session === undefined ? cookies : cookiesWithoutSession(cookies)
  return kept === '' ? '' : `cookie: ${kept}\r\n`
}

export class Http2Stream implements Front {
  readonly id: number
  readonly wantsChunked = false
  readonly sender: Http2Sender
  /** By the monotonic clock; Infinity for never. */
  deadline = Number.POSITIVE_INFINITY
  readonly #connection: Http2Connection
  readonly #exchange: Exchange
  #closed = false
  // The request.
  #pool: UpstreamPool | undefined
  #request = ''
  #method = ''
  #body = new Http2RequestBody(-1)
  #isWithheld = false
  #bodyStartedAt = 0
  #started = false
  #requestEnded = false
  /** Where its route looks at session keys. */
  #session: RequestSession | undefined
  /** Whose behavior is watched, and what the server is told of it: field lines with CR LF. */
  #behaving: string | undefined
  #told = ''
  #tier: Tier = 1
  /** In tier 3. */
  #capture: RequestCapture | undefined
  // The response.
  #headSent = false
  #setCookie: Buffer | undefined
  #from = 0
  #to = 0
  #sealer: BodySealer | undefined
  #finished = false
  #trailer = ''
  readonly #slow = new SlowReader()

  constructor(id: number, connection: Http2Connection) {
    this.id = id
    this.#connection = connection
    this.sender = new Http2Sender(id, connection)
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
    const { session } = route
    if (session !== undefined && !this.#passes(session, fields, ended)) return
    const pool = this.#meet(route, fields, ended)
    if (pool === undefined) return
    this.#pool = pool
    if (pool.settings.choose === 'fit') this.#exchange.fit = edge.fitting(client, pool, false)
    if (pool.settings.affinity !== undefined) {
      const { cookies } = fields
      const kept = edge.affinity.keeping(
        pool.settings.affinity,
        this.#session?.who,
        () => cookies,
        pool,
      )
      this.#exchange.stickyKey = kept.key
      this.#exchange.session = kept.session
      if (kept.session !== undefined) {
        this.#exchange.left = leftFor(route, pool, kept.session.id)
      }
      this.#setCookie = kept.issue
    }
    const suffix = this.#connection.suffix(authority, () =>
      forwardingFields(client, authority, '2'),
    )
    const cookie = cookieLine(fields, session)
    const proof = session === undefined ? fields.proofLines : (this.#session?.assertion?.text ?? '')
    const lines =
      this.#session?.sealing === undefined
        ? fields.lines
        : linesWithoutSeal(fields.lines, this.#session.opener)
    const sent = this.#session?.target ?? path
    this.#request = `${fields.method} ${sent} HTTP/1.1\r\nHost: ${authority}\r\n${lines}${cookie}${proof}${suffix}${this.#told}${pool.settings.fields ?? ''}`
    if (this.#tier === 3) this.#beginCapture()
    this.#body = new Http2RequestBody(fields.contentLength, this.#session, this.#capture)
    if (ended) {
      if (this.#body.declared > 0) {
        this.abort(h2.PROTOCOL_ERROR)
        return
      }
      this.#requestEnded = true
      this.#capture?.whole()
      if (route.cache !== undefined) {
        this.#askCache(route.cache, fields, `${lines}${cookie}${proof}`)
      } else if (this.#session?.isHeld !== true) this.#startWhole()
      return
    }
    if (this.#body.declared > edge.settings.limits.bodyBytes) {
      this.refuse('body-too-large')
      return
    }
    this.#bodyStartedAt = this.#exchange.startedAt
    this.deadline = this.#bodyStartedAt + edge.settings.timeouts.bodyMs
    if (fields.expectsContinue) this.#interim(100, [])
  }

  #beginCapture(): void {
    if (this.#behaving === undefined) return
    const { edge, client } = this.#connection
    this.#capture = captureOver(client, edge.captures, {
      ...{ session: this.#behaving, head: this.#request, protocol: 'HTTP/2' },
      // Streams of a client have odd numbers, from 1 (RFC 9113 section 5.1.1).
      nth: (this.id - 1) / 2,
    })
  }

  #askCache(cache: ResponseCache, { method, authority, path }: RequestFields, lines: string): void {
    const { secure, localPort: port, decision } = this.#connection.client
    const tier = highestTier(this.#tier, decision)
    const question: CacheQuestion = {
      ...{ method, secure, port, host: authority, target: path, lines, tier },
    }
    cache.ask(question, {
      waits: () => !this.#closed && !this.#started,
      answer: (answer) => this.#answer(answer, this.#exchange.startedAt),
      goOn: (filling) => this.#startWhole(filling),
    })
  }

  /** The route of a request, or why there is none. */
  #routeFor({ method, path, authority }: RequestFields): ServedRoute | RefusalCode {
    const { edge } = this.#connection
    if (NOT_SERVED.has(method)) return 'method-not-served'
    if (path.length > edge.settings.limits.urlBytes) return 'target-too-long'
    return edge.route(authority, () => path) ?? 'no-route'
  }

  /** Where it goes by its session's behavior; undefined when it has been answered instead. */
  #meet(route: ServedRoute, fields: RequestFields, ended: boolean): UpstreamPool | undefined {
    const { behavior } = this.#connection.edge
    if (behavior === undefined) return route.pool
    const met = behavior.meet(
      {
        ...{ target: fields.path, who: this.#session?.who?.id },
        ...{ cookies: () => fields.cookies, accept: () => fields.text('accept') },
        tls: () => this.#connection.client.tls?.version ?? '',
        decision: () => this.#connection.client.decision?.id ?? '',
      },
      isDesk(route),
    )
    if (met.answer !== undefined) {
      this.#requestEnded = ended
      this.#answer(met.answer)
      return undefined
    }
    this.#behaving = met.session
    this.#told = met.fields
    this.#tier = met.tier
    return poolOf(route, met.tier)
  }

  // --- Session keys --------------------------------------------------------------------------------

  get isUnderSession(): boolean {
    return this.#session !== undefined
  }

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
      if (this.#body.bytes >= this.#connection.edge.settings.limits.requestBufferBytes) {
        this.#bodyTooLargeToHold()
      }
      this.#allowMore()
    }
  }

  /** What a server is about to answer may come: it had it before. */
  recheck(): void {
    if (this.#closed || this.#session?.isRevoked(this.#connection.edge.sessions) !== true) return
    if (this.#headSent) this.abort(h2.CANCEL)
    else if (!this.#requestEnded || !this.#started) this.#refuseSession('revoked')
  }

  #refuseSession(code: SessionRefusal): void {
    const { edge, client } = this.#connection
    const answer = refusedSession(edge, client, code)
    if (this.#headSent) this.abort(h2.CANCEL)
    else this.#answer(answer)
  }

  // --- The request's body --------------------------------------------------------------------------

  /** DATA: `flow` counts padding too. Returns an error code for the stream, or NO_ERROR. */
  onData(from: number, to: number, flow: number, ended: boolean, window: number): number {
    if (this.#requestEnded) return h2.STREAM_CLOSED
    const body = this.#body
    const error = body.take(from, to, flow, ended, window)
    if (error !== h2.NO_ERROR) return error
    const { limits } = this.#connection.edge.settings
    if (body.bytes > limits.bodyBytes) {
      this.refuse('body-too-large')
      return h2.NO_ERROR
    }
    // Before the last of it is sent on.
    const refusal = this.#session === undefined ? undefined : body.refusal(ended)
    if (refusal !== undefined) {
      this.#requestEnded = ended
      this.#refuseSession(refusal)
      return h2.NO_ERROR
    }
    this.deadline = this.#bodyDeadline()
    if (ended) this.#bodyComplete()
    else {
      if (this.#started) this.#stream(body.takeMore())
      else if (body.bytes >= limits.requestBufferBytes && this.#session?.isHeld !== true) {
        this.#bodyTooLargeToHold()
      }
      this.#allowMore()
    }
    return h2.NO_ERROR
  }

  #bodyDeadline(): number {
    const { bodyMs, bodyBytesPerSecondMin } = this.#connection.edge.settings.timeouts
    return this.#bodyStartedAt + bodyMs + (this.#body.bytes * 1000) / bodyBytesPerSecondMin
  }

  #bodyComplete(): void {
    this.#requestEnded = true
    this.#capture?.whole()
    this.deadline = Number.POSITIVE_INFINITY
    if (this.#started) {
      this.#exchange.bodyEnds()
      this.#stream(this.#body.takeEnd())
    } else if (this.#session?.isHeld !== true) this.#startWhole()
  }

  /** The request is here, and all of it may be sent on. */
  #startWhole(filling?: Filling): void {
    const { framing, pieces } = this.#body.takeWhole()
    this.#start(framing, pieces, false, filling)
  }

  #bodyTooLargeToHold(): void {
    const { framing, pieces } = this.#body.takeBegun()
    this.#start(framing, pieces, true)
  }

  #stream(pieces: readonly Buffer[]): void {
    let more = true
    for (const piece of pieces) more = this.#exchange.write(piece)
    if (!more) this.#isWithheld = true
  }

  /** Gives the client room for more of the body, unless the upstream is slow. */
  #allowMore(): void {
    if (this.#isWithheld) return
    if (
      this.#session?.isHeld === true &&
      this.#body.bytes >= this.#connection.edge.settings.limits.requestBufferBytes
    )
      return
    const room = this.#body.room()
    if (room > 0) this.#connection.allow(this.id, room)
  }

  #start(framing: string, body: readonly Buffer[], streaming: boolean, filling?: Filling): void {
    this.#started = true
    const request = Buffer.from(this.#request + framing, 'latin1')
    this.#request = ''
    this.#exchange.start(this.#pool as UpstreamPool, request, body, {
      idempotent: IDEMPOTENT.has(this.#method),
      bodyless: this.#method === 'HEAD',
      streaming,
      recording: filling && new CacheRecording(this, filling),
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
    this.#interim(head.status, keptLines(head))
  }

  onUser(value: string): void {
    if (this.#behaving === undefined) return
    this.#connection.edge.behavior?.saw(this.#behaving, value)
  }

  onHead(head: ResponseHeadReader, framing: BodyFraming): void {
    if (this.#closed) return
    const bodyless = framing === 'none' || head.contentLength === 0
    const sealing = this.#session?.sealing
    this.#headSent = true
    this.#capture?.answered(head.status)
    const added = [this.#setCookie, this.#session?.hint]
      .filter((line) => line !== undefined)
      .map((line) => line.toString('latin1', 0, line.length - 2))
    if (sealing === undefined) {
      const addedBytes = added.reduce((sum, line) => sum + line.length, 0)
      this.sender.headers(head.end - head.statusLineEnd + addedBytes, bodyless, (out, at) =>
        this.#encodeAll(added, out, this.#encodeLines(head, out, this.#status(head, out, at))),
      )
      return
    }
    this.#sealer = bodyless ? undefined : sealing.sealer()
    const isCoded = !bodyless || (this.#method === 'HEAD' && head.contentLength !== 0)
    const isEmpty = bodyless && framing !== 'none'
    const lines = [...sealedLines(keptLines(head), { isCoded, isEmpty }), ...added]
    const bytes = lines.reduce((sum, line) => sum + line.length, 0)
    this.sender.headers(bytes, bodyless, (out, at) =>
      this.#encodeAll(lines, out, this.#status(head, out, at)),
    )
  }

  #status({ status }: ResponseHeadReader, out: Uint8Array, at: number): number {
    return this.#connection.encoder.encode(':status', String(status), out, at)
  }

  #encodeAll(lines: readonly string[], out: Uint8Array, start: number): number {
    let at = start
    for (const line of lines) at = this.#connection.encoder.encodeLine(line, out, at)
    return at
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

  #interim(status: number, lines: readonly string[]): void {
    const bytes = lines.reduce((sum, line) => sum + line.length + 2, 0)
    if (bytes * 2 + 64 > h2.FRAME_BYTES_MAX) return
    const { encoder } = this.#connection
    this.sender.headers(bytes, false, (out, at) =>
      this.#encodeAll(lines, out, encoder.encode(':status', String(status), out, at)),
    )
  }

  onBody(from: number, to: number): void {
    if (this.#closed || from === to) return
    if (this.#sealer !== undefined) {
      this.#sendWhole(this.#sealer.push(OCTETS.subarray(from, to)), false)
      return
    }
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
    const trailer = sendableTrailer(lines)
    this.#trailer = this.#sealer === undefined ? trailer : sealedTrailer(trailer)
  }

  onEnd(): void {
    this.#finished = true
    if (this.#closed || this.#sealer === undefined) return
    this.#sendWhole(this.#sealer.end(), this.#trailer === '')
  }

  onFlush(): void {
    if (this.#closed) return
    if (this.#to > this.#from) this.#emit(this.#finished && this.#trailer === '')
    if (this.#finished && this.sender.waiting === 0) this.#end()
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
    this.#isWithheld = false
    if (!this.#requestEnded && !this.#closed) this.#allowMore()
  }

  // --- Writing -------------------------------------------------------------------------------------

  /** Sends `OCTETS[#from..#to)` as far as windows allow; the rest waits. */
  #emit(last: boolean): void {
    const from = this.#from
    const to = this.#to
    this.#from = 0
    this.#to = 0
    const waits = this.sender.data(OCTETS, from, to, last, keep)
    if (waits > 0) this.#stalled(waits)
  }

  /** A piece of its own, which nobody changes. */
  #sendWhole(octets: Buffer, last: boolean): void {
    const hold = (from: number, to: number) => octets.subarray(from, to)
    const waits = this.sender.data(octets, 0, octets.length, last, hold)
    if (waits > 0) this.#stalled(waits)
  }

  /** Windows have grown or the socket has drained: sends what waits. */
  pump(): void {
    if (!this.sender.pump(this.#finished && this.#trailer === '')) return
    this.#slow.caughtUp()
    this.deadline = this.#requestEnded ? Number.POSITIVE_INFINITY : this.#bodyDeadline()
    this.#exchange.resume()
    if (this.#finished) this.#end()
  }

  #stalled(bytes: number): void {
    const { edge, queued } = this.#connection
    const { limits, timeouts } = edge.settings
    if (this.sender.waiting > limits.responseBufferBytes || queued > QUEUED_MAX) {
      this.#exchange.pause()
    }
    this.deadline = this.#slow.lags(bytes, edge.lately, timeouts)
  }

  // --- Ends ----------------------------------------------------------------------------------------

  #end(): void {
    if (this.#closed) return
    if (this.#trailer !== '') this.#sendTrailer()
    else this.sender.end()
    // The response is complete before the request is: the rest of it is not wanted (section 8.1).
    if (!this.#requestEnded) this.#connection.resetStream(this.id, h2.NO_ERROR)
    this.#close()
  }

  #sendTrailer(): void {
    const lines = this.#trailer.split('\r\n').filter((line) => line !== '')
    this.sender.headers(this.#trailer.length, true, (out, at) => this.#encodeAll(lines, out, at))
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

  /** An answer of Limen's own, or from a cache. @param since when it was asked for, where that is to be measured */
  #answer(answer: Answer | OctetAnswer, since?: number): void {
    const { edge, encoder } = this.#connection
    const { status, fields, body } = answer
    edge.meter.responded(status, since === undefined ? 0 : edge.now() - since)
    const octets = this.#method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(body)
    this.#session?.end()
    // First: it may let another stream of this connection write its own refusal.
    this.#exchange.abandon()
    const all = [...fields, ...lengthOf(answer)].map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    )
    const text = all.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
    this.#headSent = true
    this.sender.headers(text, octets.length === 0, (out, start) => {
      let at = encoder.encode(':status', String(status), out, start)
      for (const [name, value] of all) at = encoder.encode(name, value, out, at)
      return at
    })
    this.#finished = true
    if (octets.length > 0) {
      this.#sendWhole(octets, true)
      if (this.sender.waiting === 0) this.#end()
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
    if (this.#slow.isSlow) {
      this.#connection.edge.meter.refused('read-timeout')
      this.abort(h2.CANCEL)
    } else this.refuse('body-timeout')
  }

  #close(): void {
    this.#closed = true
    this.#capture?.over()
    this.#session?.end()
    this.sender.drop()
    this.#body.drop()
    this.#connection.over(this)
  }
}
