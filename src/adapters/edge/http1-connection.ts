/**
 * A client's HTTP/1.x connection: requests in, responses out, one at a time and in order (RFC 9112).
 * Heads are rewritten in the buffer they were read into; bodies pass through bounded buffers.
 *
 * Every phase has a deadline for the whole of it, not for inactivity: a client that drips is cut off.
 *
 * @module
 */

import type { Tier } from '../../behavior/tier.ts'
import type { AffinitySettings } from '../../ports/data-plane.ts'
import { NO_KEY } from '../../routing/balancer.ts'
import { REQUEST_REFUSALS } from '../../wire/request-head.ts'
import type { ResponseHeadReader } from '../../wire/response-head.ts'
import { type Answer, answerHttp1, type OctetAnswer } from './answer.ts'
import { CacheRecording } from './cache-recording.ts'
import type { Channel } from './channel.ts'
import { type ClientConnection, DRAIN_IDLE_MS } from './client-connection.ts'
import type { EdgeContext, ServedRoute } from './edge-context.ts'
import { Exchange, type ExchangeFailure, type Front } from './exchange.ts'
import { forwardingFields } from './forwarding.ts'
import {
  cookies,
  fieldOf,
  head,
  isH2c,
  isHeadMethod,
  isHost,
  isIdempotent,
  isWebSocket,
  target,
} from './http1-head.ts'
import { Http1Response } from './http1-response.ts'
import { sessionRequest, withoutProof, withoutSeal } from './http1-session.ts'
import { HEAD_BYTES_MAX, keep, OCTETS, prepend, READ_AT, textOf } from './octets.ts'
import { Outlet } from './outlet.ts'
import { type RefusalCode, refusalHttp1 } from './refusal.ts'
import { type FramedBody, RequestBody } from './request-body.ts'
import { captureOver, type RequestCapture } from './request-captures.ts'
import { forwardedHead, forwardedLines } from './request-rewrite.ts'
import { admitRequest, RequestSession, refusedSession } from './request-session.ts'
import type { Filling, ResponseCache } from './response-cache.ts'
import { rewriteHead, switchingHead } from './response-rewrite.ts'
import { highestTier, isDesk, leftFor, poolOf } from './route-pool.ts'
import type { SessionRefusal } from './session-answer.ts'
import type { SessionTerms } from './session-check.ts'
import { SlowReader } from './slow-reader.ts'
import { joinTunnel } from './tunnel.ts'
import type { BodyFraming, UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamPool, UpstreamServer } from './upstream-pool.ts'

type Phase = 'head' | 'body' | 'waiting' | 'tunnel' | 'closing'

/** Octets of requests behind the one being served that are held; then reading stops. */
const PIPELINE_BYTES_MAX = 65_536
/** Where held octets end when they are looked at again: one octet is left for the parsers' sentinel. */
const PENDING_TO = OCTETS.length - 1
/** As much may wait to be sent before a client counts as slow: what Node's streams allow as well. */
const HIGH_WATER_BYTES = 65_536
/** How long a refused client may take to read the answer and close. */
const LINGER_MS = 2_000
const CRLF = Buffer.from('\r\n')
const NO_FIELDS = Buffer.alloc(0)
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')
const NOTHING: readonly Buffer[] = []

export class Http1Connection implements Front {
  readonly #edge: EdgeContext
  readonly #connection: ClientConnection
  readonly #channel: Channel
  readonly #outlet: Outlet
  readonly #exchange: Exchange
  /** When the sweep should look again. */
  deadline = Number.POSITIVE_INFINITY

  #phase: Phase = 'head'
  #pending: Buffer | undefined
  /** The head being read has its deadline: further lines do not move it. */
  #headBegun = false
  #readsStopped = false
  #ended = false

  // The request being served.
  #pool: UpstreamPool | undefined
  #request: Buffer = CRLF
  #isHead = false
  #idempotent = false
  #minorVersion = 1
  #keepAlive = true
  #upgrade = false
  #setCookie: Buffer | undefined
  /** Where its route looks at session keys. */
  #session: RequestSession | undefined
  /** Whose behavior is watched, and what the server is told of it: field lines with CR LF. */
  #behaving: string | undefined
  #told: Buffer = NO_FIELDS
  #tier: Tier = 1
  /** In tier 3. */
  #capture: RequestCapture | undefined
  // Its body.
  readonly #body = new RequestBody()
  #bodyStartedAt = 0
  #started = false
  // Its response.
  readonly #response: Http1Response
  #headSent = false
  readonly #slow = new SlowReader()
  // Fields added to requests, for the last Host seen.
  #suffix: Buffer | undefined
  #suffixHost = ''

  constructor(connection: ClientConnection, edge: EdgeContext) {
    this.#edge = edge
    this.#connection = connection
    this.#channel = connection.channel
    this.#exchange = new Exchange(this, edge.meter, edge.now)
    this.deadline = edge.lately + edge.settings.timeouts.headMs
    this.#channel.takeReads((from, to) => this.#read(from, to))
    this.#channel.onEnd(() => this.#clientEnded())
    const outlet = new Outlet(this.#channel, () => this.#drained())
    this.#outlet = outlet
    this.#response = new Http1Response({
      write: (octets) => this.#write(octets),
      writeRange: (from, to) => {
        outlet.writeRange(from, to)
        this.#wrote(to - from)
      },
    })
  }

  /** After a greeting: `octets` were read behind it, and reading has been stopped. */
  begin(octets: Buffer | undefined): void {
    if (octets !== undefined) {
      octets.copy(OCTETS, READ_AT)
      this.#read(READ_AT, READ_AT + octets.length)
    }
    if (!this.#readsStopped) this.#channel.resumeReads()
  }

  get isUnderSession(): boolean {
    return this.#session !== undefined
  }

  get wantsChunked(): boolean {
    return this.#minorVersion === 1 && this.#session?.sealing === undefined
  }

  /**
   * The worker drains: an answer that has not begun is the last one (`onHead`). Between requests the next
   * may be on its way already, so it is waited for a little and answered with `Connection: close`.
   */
  drain(): void {
    if (this.#phase === 'head' && this.#pending === undefined && !this.#slow.isSlow) {
      this.deadline = Math.min(this.deadline, this.#edge.lately + DRAIN_IDLE_MS)
    }
  }

  /** Called by the sweep when `deadline` has passed. */
  expire(): void {
    if (this.#slow.isSlow && this.#outlet.waiting > 0) {
      this.#edge.meter.refused('read-timeout')
      this.#channel.destroy()
    } else if (this.#slow.isSlow) this.#drained()
    else if (this.#phase === 'head' && this.#pending !== undefined) this.#refuse('head-timeout')
    else if (this.#phase === 'body') this.#refuse('body-timeout')
    else if (this.#phase === 'head' && this.#connection.requests > 0) this.#end()
    else this.#channel.destroy()
  }

  // --- Reading -------------------------------------------------------------------------------------

  #read(start: number, to: number): boolean {
    let from = start
    this.#edge.meter.bytesIn += to - from
    this.#connection.bytesIn += to - from
    if (this.#phase === 'closing') return true
    if (this.#pending !== undefined && this.#phase === 'head') {
      // A head that came in pieces is only looked at again when a line has ended.
      const pending = this.#pending
      if (
        pending.length + (to - from) <= HEAD_BYTES_MAX &&
        OCTETS.subarray(from, to).indexOf(10) < 0
      ) {
        return this.#hold(from, to)
      }
      from = prepend(pending)
      this.#pending = undefined
    }
    this.#consume(from, to)
    return !this.#readsStopped
  }

  #consume(start: number, to: number): void {
    let from = start
    if (this.#phase === 'head') from = this.#head(from, to)
    if (from < to && this.#phase === 'body') from = this.#readBody(from, to)
    if (from < to && this.#phase === 'waiting') this.#hold(from, to)
  }

  /** Keeps octets for later; stops reading when enough are held. */
  #hold(from: number, to: number): boolean {
    const { headMs } = this.#edge.settings.timeouts
    if (this.#phase === 'head' && !this.#headBegun) {
      this.#headBegun = true
      this.deadline = this.#edge.lately + headMs
    }
    this.#pending =
      this.#pending === undefined
        ? Buffer.from(OCTETS.subarray(from, to))
        : Buffer.concat([this.#pending, OCTETS.subarray(from, to)])
    const limit = this.#phase === 'head' ? HEAD_BYTES_MAX : PIPELINE_BYTES_MAX / 2
    if (this.#phase !== 'head' && this.#pending.length > limit) this.#stop()
    return !this.#readsStopped
  }

  #stop(): void {
    if (this.#readsStopped) return
    this.#readsStopped = true
    this.#channel.stopReads()
  }

  #resume(): void {
    if (!this.#readsStopped) return
    this.#readsStopped = false
    this.#channel.resumeReads()
  }

  #head(from: number, to: number): number {
    const read = head.read(OCTETS, from, to, this.#edge.settings.limits)
    if (read === 'incomplete' && to - from <= HEAD_BYTES_MAX) {
      if (to - from > 0) this.#hold(from, to)
      return to
    }
    if (read === 'incomplete') {
      this.#refuse('head-too-large')
      return to
    }
    if (read !== 'complete') {
      this.#refuse(read)
      return to
    }
    return this.#accept(to)
  }

  // --- The request ---------------------------------------------------------------------------------

  #accept(to: number): number {
    const edge = this.#edge
    const { limits } = edge.settings
    const connection = this.#connection
    connection.requests++
    this.#headBegun = false
    this.#minorVersion = head.minorVersion
    this.#keepAlive =
      head.keepAlive && !edge.draining && connection.requests < limits.requestsPerConnection
    this.#isHead = isHeadMethod()
    this.#idempotent = this.#isHead || isIdempotent()
    // RFC 9110 section 7.8: of HTTP/1.0 it is ignored.
    this.#upgrade =
      head.upgradeStart > 0 &&
      head.minorVersion === 1 &&
      head.contentLength <= 0 &&
      !head.chunked &&
      !isH2c()
    this.#headSent = false
    this.#started = false
    this.#setCookie = undefined
    const exchange = this.#exchange
    exchange.startedAt = edge.now()
    if (connection.gate !== undefined && this.#isAnsweredByGate(to)) {
      return this.#phase === 'head' ? head.end : to
    }
    const host =
      this.#suffix !== undefined && isHost(this.#suffixHost)
        ? this.#suffixHost
        : textOf(head.hostStart, head.hostEnd)
    const route = edge.route(host, target)
    if (route === undefined) {
      this.#refuse('no-route')
      return to
    }
    const { session } = route
    const added = [this.#fieldsFor(host)]
    if (session !== undefined && !this.#addFieldsOfSession(added, session, host, to)) {
      return this.#phase === 'head' ? head.end : to
    }
    const pool = this.#meet(route, to)
    if (pool === undefined) return this.#phase === 'head' ? head.end : to
    if (this.#told.length > 0) added.push(this.#told)
    this.#goTo(route, pool)
    const { fields } = pool.settings
    // Fields of a pool are rare (the key server's own): no work for the others.
    if (fields !== undefined) added.push(Buffer.from(fields))
    // No spread of objects where every request passes: each costs it a hundredth of its CPU.
    this.#request = forwardedHead(head, host, added, {
      upgrade: this.#upgrade,
      target: this.#session?.target,
      isOpen: head.chunked || this.#session?.opener !== undefined,
    })
    if (this.#tier === 3) this.#beginCapture()
    if (head.chunked || head.contentLength > 0) return this.#beginBody(to)
    return this.#withoutBody(route.cache, host)
  }

  #goTo(route: ServedRoute, pool: UpstreamPool): void {
    const exchange = this.#exchange
    const { choose, affinity } = pool.settings
    this.#pool = pool
    exchange.stickyKey = NO_KEY
    exchange.session = undefined
    exchange.left = undefined
    exchange.fit =
      choose === 'fit' ? this.#edge.fitting(this.#connection, pool, this.#upgrade) : undefined
    if (affinity !== undefined) this.#keepTogether(affinity, route, pool)
  }

  #beginCapture(): void {
    if (this.#behaving === undefined) return
    this.#capture = captureOver(this.#connection, this.#edge.captures, {
      ...{ session: this.#behaving, head: this.#request.toString('latin1') },
      ...{
        nth: this.#connection.requests - 1,
        protocol: `HTTP/1.${this.#minorVersion === 0 ? 0 : 1}`,
      },
    })
  }

  #withoutBody(cache: ResponseCache | undefined, host: string): number {
    this.#capture?.whole()
    this.#phase = 'waiting'
    this.deadline = Number.POSITIVE_INFINITY
    if (cache !== undefined) this.#askCache(cache, host)
    else if (this.#session?.isHeld === true) this.#body.begin(head)
    else this.#start(NOTHING, false)
    return head.end
  }

  #askCache(cache: ResponseCache, host: string): void {
    const { secure, localPort: port, decision } = this.#connection
    const isOrdinary = !this.#upgrade && this.#minorVersion === 1
    const method = isOrdinary ? textOf(head.start, head.methodEnd) : ''
    const tier = highestTier(this.#tier, decision)
    const lines = forwardedLines(head)
    cache.ask(
      { method, secure, port, host, target: target(), lines, tier },
      {
        waits: () => this.#phase === 'waiting' && !this.#started,
        answer: (answer) => this.#answerKept(answer),
        goOn: (filling) => this.#start(NOTHING, false, filling),
      },
    )
  }

  /** From a cache; what the client has sent behind its request is held. */
  #answerKept(answer: OctetAnswer): void {
    const edge = this.#edge
    this.#keepAlive = this.#keepAlive && !this.#ended && !edge.draining
    edge.meter.responded(answer.status, edge.now() - this.#exchange.startedAt)
    this.#headSent = true
    this.#write(answerHttp1(answer, this.#keepAlive, !this.#isHead))
    this.#next()
  }

  #beginBody(to: number): number {
    const { limits, timeouts } = this.#edge.settings
    if (head.contentLength > limits.bodyBytes) {
      this.#refuse('body-too-large')
      return to
    }
    this.#phase = 'body'
    this.#body.begin(head, this.#session, this.#capture)
    this.#bodyStartedAt = this.#exchange.startedAt
    this.deadline = this.#bodyStartedAt + timeouts.bodyMs
    if (head.expectsContinue && head.end === to && head.minorVersion === 1) this.#write(CONTINUE)
    return head.end
  }

  /** The rigorous pool may want something first. The connection goes on if nothing more of the client is here. */
  #isAnsweredByGate(to: number): boolean {
    const answer = this.#connection.gate?.ask({
      target: target(),
      userAgent: fieldOf('user-agent'),
      accept: fieldOf('accept'),
      cookies: cookies(),
    })
    if (answer === undefined) return false
    this.#answerHead(answer, to)
    return true
  }

  /** An answer of Limen's own to the head that was just read. */
  #answerHead(answer: Answer, to: number): void {
    const hasMore = head.end < to || head.chunked || head.contentLength > 0
    const keepAlive = this.#keepAlive && this.#minorVersion === 1 && !hasMore
    this.#edge.meter.responded(answer.status, 0)
    this.#write(answerHttp1(answer, keepAlive, !this.#isHead))
    if (keepAlive) {
      this.deadline = this.#edge.lately + this.#edge.settings.timeouts.idleMs
    } else {
      this.#headSent = true
      this.#end()
    }
  }

  /** Where it goes by its session's behavior; undefined when it has been answered instead. */
  #meet(route: ServedRoute, to: number): UpstreamPool | undefined {
    this.#behaving = undefined
    this.#told = NO_FIELDS
    this.#tier = 1
    const { behavior } = this.#edge
    if (behavior === undefined) return route.pool
    const shown = cookies()
    const met = behavior.meet(
      {
        target: target(),
        who: this.#session?.who?.id,
        cookies: () => shown,
        accept: () => fieldOf('accept'),
        tls: () => this.#connection.tls?.version ?? '',
        decision: () => this.#connection.decision?.id ?? '',
      },
      isDesk(route),
    )
    if (met.answer !== undefined) {
      this.#session?.end()
      this.#answerHead(met.answer, to)
      return undefined
    }
    this.#behaving = met.session
    this.#told = Buffer.from(met.fields)
    this.#tier = met.tier
    return poolOf(route, met.tier)
  }

  // --- Session keys --------------------------------------------------------------------------------

  /** Adds what the server is told of the session; false when the request has been answered instead. */
  #addFieldsOfSession(
    added: Buffer[],
    terms: SessionTerms,
    authority: string,
    to: number,
  ): boolean {
    const client = this.#connection
    const { secure, decision } = client
    const about = {
      ...{ authority, secure, upgrade: this.#upgrade, tier: decision?.tier ?? 1 },
      webSocket: this.#upgrade && isWebSocket(),
    }
    const request = sessionRequest(head, about)
    const admitted = admitRequest(this.#edge, client, terms, request, fieldOf)
    if ('status' in admitted) {
      this.#answerHead(admitted, to)
      return false
    }
    const instead = withoutProof(head, request.cookies)
    const opened = admitted.sealing === undefined ? NO_FIELDS : withoutSeal(head, admitted)
    if (instead === undefined || opened === undefined) {
      this.#refuse('too-many-fields')
      return false
    }
    this.#session = new RequestSession(admitted, (refusal) => this.#heardOfProof(refusal))
    if (instead.length > 0) added.push(instead)
    if (opened.length > 0) added.push(opened)
    if (admitted.assertion !== undefined) added.push(admitted.assertion.octets)
    return true
  }

  /** Nothing has been sent on so far. */
  #heardOfProof(refusal: SessionRefusal | undefined): void {
    if (refusal !== undefined) this.#refuseSession(refusal)
    else if (this.#phase === 'waiting') this.#startWhole()
    else if (this.#body.bytes >= this.#edge.settings.limits.requestBufferBytes) {
      this.#bodyTooLargeToHold()
      this.#resume()
    }
  }

  /** What a server is about to answer may come: it had it before. */
  recheck(): void {
    if (this.#session?.isRevoked(this.#edge.sessions) !== true) return
    if (this.#phase === 'tunnel' || this.#headSent) this.#channel.destroy()
    else if (this.#phase === 'body' || !this.#started) this.#refuseSession('revoked')
  }

  /** Later than at its head; the connection goes on when the request is whole and nobody has got any of it. */
  #refuseSession(code: SessionRefusal): void {
    const answer = refusedSession(this.#edge, this.#connection, code)
    // Whatever else it waits for is of no interest any more.
    this.#session?.end()
    if (this.#headSent) {
      this.#channel.destroy()
      return
    }
    this.#edge.meter.responded(answer.status, 0)
    if (this.#phase !== 'waiting' || this.#started) this.#keepAlive = false
    this.#write(answerHttp1(answer, this.#keepAlive, !this.#isHead))
    this.#headSent = true
    // What has been sent of it is not to be taken for all of it.
    if (this.#started) this.#exchange.abandon()
    this.#next()
  }

  #keepTogether(affinity: AffinitySettings, route: ServedRoute, pool: UpstreamPool): void {
    const kept = this.#edge.affinity.keeping(affinity, this.#session?.who, cookies, pool)
    this.#exchange.stickyKey = kept.key
    this.#exchange.session = kept.session
    if (kept.session !== undefined) this.#exchange.left = leftFor(route, pool, kept.session.id)
    if (kept.issue !== undefined && this.#connection.secure) this.#setCookie = kept.issue
  }

  /** The fields the edge adds, made once per Host. */
  #fieldsFor(host: string): Buffer {
    if (this.#suffix === undefined || host !== this.#suffixHost) {
      const via = `1.${head.minorVersion}`
      this.#suffix = Buffer.from(forwardingFields(this.#connection, host, via), 'latin1')
      this.#suffixHost = host
    }
    return this.#suffix
  }

  #start(body: readonly Buffer[], streaming: boolean, filling?: Filling): void {
    this.#started = true
    this.#exchange.start(this.#pool as UpstreamPool, this.#request, body, {
      idempotent: this.#idempotent && !this.#upgrade,
      bodyless: this.#isHead,
      streaming,
      recording: filling && new CacheRecording(this, filling),
    })
  }

  // --- The request's body --------------------------------------------------------------------------

  #readBody(from: number, to: number): number {
    const { timeouts, limits } = this.#edge.settings
    const body = this.#body
    const before = body.bytes
    const end = body.read(from, to, limits.bodyBytes, this.#started)
    if (typeof end === 'string') {
      this.#refuse(end)
      return to
    }
    this.deadline =
      this.#bodyStartedAt + timeouts.bodyMs + (body.bytes * 1000) / timeouts.bodyBytesPerSecondMin
    if (body.complete) this.#bodyComplete()
    else if (body.refusal !== undefined) {
      this.#refuseSession(body.refusal)
      return to
    } else if (this.#started) {
      if (body.bytes > before) this.#stream(body.take())
    } else if (body.bytes >= limits.requestBufferBytes) {
      if (this.#session?.isHeld === true) this.#stop()
      else this.#bodyTooLargeToHold()
    }
    return end
  }

  #bodyComplete(): void {
    this.#phase = 'waiting'
    this.deadline = Number.POSITIVE_INFINITY
    const refusal = this.#body.end()
    if (refusal !== undefined) {
      this.#session?.end()
      // What lies behind it in the buffer is to be held first.
      queueMicrotask(() => {
        if (this.#phase === 'waiting') this.#refuseSession(refusal)
      })
      return
    }
    this.#capture?.whole()
    if (this.#started) {
      this.#exchange.bodyEnds()
      this.#stream(this.#body.takeEnd())
    } else if (this.#session?.isHeld !== true) this.#startWhole()
  }

  /** The request is here, and all of it may be sent on. */
  #startWhole(): void {
    this.#startFramed(this.#body.takeWhole(), false)
  }

  /** More than is held back: take an upstream connection now and stream the rest. */
  #bodyTooLargeToHold(): void {
    this.#startFramed(this.#body.takeBegun(), true)
  }

  #startFramed({ framing, pieces }: FramedBody, streaming: boolean): void {
    if (framing !== '') this.#request = Buffer.concat([this.#request, Buffer.from(framing)])
    this.#start(pieces, streaming)
  }

  #stream(pieces: readonly Buffer[]): void {
    let more = true
    for (const piece of pieces) more = this.#exchange.write(piece)
    if (!more) this.#stop()
  }

  // --- The response --------------------------------------------------------------------------------

  preface(server: UpstreamServer): Uint8Array | undefined {
    return server.settings.proxyProtocol === 'v2' ? this.#connection.proxyHeader() : undefined
  }

  onInterim(response: ResponseHeadReader): void {
    // 100 has been said by the edge itself; HTTP/1.0 knows no interim responses.
    if (response.status === 100 || this.#minorVersion === 0) return
    this.#write(keep(rewriteHead(response, false, NOTHING), response.end))
  }

  onUser(value: string): void {
    if (this.#behaving !== undefined) this.#edge.behavior?.saw(this.#behaving, value)
  }

  onHead(response: ResponseHeadReader, framing: BodyFraming): void {
    const mustEnd = this.#phase === 'body' || this.#ended || this.#edge.draining
    this.#headSent = true
    this.#capture?.answered(response.status)
    const added: Buffer[] = []
    if (this.#setCookie !== undefined) added.push(this.#setCookie)
    if (this.#session?.hint !== undefined) added.push(this.#session.hint)
    this.#keepAlive = this.#response.begin(response, framing, {
      minorVersion: this.#minorVersion,
      isHead: this.#isHead,
      added,
      keepAlive: this.#keepAlive && !mustEnd,
      sealing: this.#session?.sealing,
    })
  }

  onBody(from: number, to: number): void {
    this.#response.body(from, to)
  }

  onTrailer(lines: string): void {
    this.#response.trailer(lines)
  }

  onEnd(): void {
    this.#response.end()
  }

  onFlush(): void {
    if (this.#response.flush()) this.#next()
  }

  onUpgrade(
    response: ResponseHeadReader,
    upstream: UpstreamConnection,
    from: number,
    to: number,
  ): void {
    if (!this.#upgrade) {
      // Not asked for: a tunnel would carry the client's next requests past the edge.
      this.#exchange.tunnelClosed(upstream)
      this.onFailure('upstream-malformed', false)
      return
    }
    this.#phase = 'tunnel'
    this.#capture?.answered(response.status)
    this.#connection.protocol = 'tunnel'
    const switching = switchingHead(response)
    const rest = from < to ? keep(from, to) : undefined
    this.#write(switching)
    if (rest !== undefined) this.#write(rest)
    const early = this.#pending
    this.#pending = undefined
    joinTunnel({
      connection: this.#connection,
      outlet: this.#outlet,
      upstream,
      early,
      edge: this.#edge,
      onClose: () => this.#exchange.tunnelClosed(upstream),
      onDeadline: (deadline) => {
        this.deadline = deadline
      },
    })
  }

  onFailure(failure: ExchangeFailure, begun: boolean): void {
    if (this.#phase === 'closing') return
    if (begun || this.#headSent) {
      // Cutting the connection is the only way to say that the response is not whole.
      this.#edge.meter.refused(failure)
      this.#channel.destroy()
      return
    }
    this.#refuse(failure)
  }

  onDrain(): void {
    if (this.#phase === 'body') this.#resume()
  }

  // --- Writing -------------------------------------------------------------------------------------

  #write(octets: Buffer): void {
    this.#outlet.write(octets)
    this.#wrote(octets.length)
  }

  #wrote(bytes: number): void {
    this.#edge.meter.bytesOut += bytes
    this.#connection.bytesOut += bytes
    if (this.#outlet.waiting > 0) this.#maybeStalled(bytes)
  }

  /** The client does not take what is written as fast as it comes. */
  #maybeStalled(bytes: number): void {
    const { settings, lately } = this.#edge
    const waiting = this.#outlet.waiting
    // Below this mark no 'drain' would follow, and nothing would resume.
    if (waiting < HIGH_WATER_BYTES) return
    if (waiting > settings.limits.responseBufferBytes) this.#exchange.pause()
    const more = this.#slow.isSlow ? bytes : waiting
    this.deadline = this.#slow.lags(more, lately, settings.timeouts)
  }

  #drained(): void {
    if (this.#slow.isSlow) {
      this.#slow.caughtUp()
      this.deadline = Number.POSITIVE_INFINITY
      if (this.#phase === 'head') this.#nextRequest()
    }
    this.#exchange.resume()
  }

  /** The response is out: the next request, or the end. */
  #next(): void {
    this.#endCapture()
    this.#setCookie = undefined
    this.#session = undefined
    // An idle connection must not hold on to a slab.
    this.#request = CRLF
    if (!this.#keepAlive || this.#phase === 'body') {
      this.#end()
      return
    }
    this.#phase = 'head'
    this.#headSent = false
    // Who does not read the answers is not served more of them: what waits to be read stays bounded.
    if (this.#slow.isSlow) this.#stop()
    else this.#nextRequest()
  }

  #nextRequest(): void {
    const { draining, lately, settings } = this.#edge
    this.deadline = lately + (draining ? DRAIN_IDLE_MS : settings.timeouts.idleMs)
    const pending = this.#pending
    if (pending !== undefined) {
      this.#pending = undefined
      // At the end of the buffer: there may be more than has room in front of READ_AT.
      const from = PENDING_TO - pending.length
      pending.copy(OCTETS, from)
      this.#consume(from, PENDING_TO)
    }
    const waits = this.#phase === 'head' || this.#phase === 'body'
    if (waits && this.#ended) this.#end()
    else if (waits) this.#resume()
  }

  #refuse(code: RefusalCode): void {
    const { meter } = this.#edge
    meter.refused(code)
    if (this.#headSent) {
      this.#channel.destroy()
      return
    }
    const decision = this.#connection.decision?.id ?? ''
    const answer = refusalHttp1(code, decision, !this.#isHead || code in REQUEST_REFUSALS)
    meter.responded(Number(answer.toString('latin1', 9, 12)), 0)
    this.#headSent = true
    this.#write(answer)
    this.#exchange.abandon()
    this.#end()
  }

  /** Says goodbye; what the client still sends is read and dropped, so that it sees the answer. */
  #end(): void {
    this.#endCapture()
    this.#phase = 'closing'
    this.#session?.end()
    this.#pending = undefined
    this.#slow.caughtUp()
    this.deadline = this.#edge.lately + LINGER_MS
    if (this.#outlet.waiting > 0) {
      const { readMs } = this.#edge.settings.timeouts
      this.deadline += readMs
    }
    this.#outlet.end()
    if (this.#ended) return
    this.#resume()
  }

  #clientEnded(): void {
    this.#ended = true
    if (this.#phase === 'head') this.#end()
    else if (this.#phase === 'body') this.#channel.destroy()
  }

  #endCapture(): void {
    this.#capture?.over()
    this.#capture = undefined
  }

  closed(): void {
    this.#endCapture()
    if (this.#phase !== 'tunnel') this.#exchange.abandon()
    this.#phase = 'closing'
    this.#session?.end()
    this.deadline = Number.POSITIVE_INFINITY
  }
}
