/**
 * `fetch` under a session key: proves each request, and knows what helps when an edge refuses one. A refused request has
 * not reached the site's servers, so it can be made again whatever its method.
 *
 * @module
 */
import { dateOf, retryAfterMs } from './answer-fields.ts'
import { followed, type Step, type Stepped } from './redirect.ts'
import { type HeldBody, holdBody, readBody } from './request-body.ts'
import { openResponse, SEALED_CODING, sealBody } from './sealed-body.ts'
import type { Session } from './session-handshake.ts'
import type { SessionKeeper } from './session-keeper.ts'
import type { SessionWorld } from './session-world.ts'
import { proofFields } from './sign-request.ts'

export interface SessionFetchOptions {
  /** Seal bodies (RFC 8188), for routes that ask for it. */
  readonly sealBodies?: boolean | undefined
}

/**
 * What may help, in this order, once each: the key before (an edge does not know the new one yet), waiting, another
 * session, the server's clock, a fresh proof.
 */
type Remedy = 'retired' | 'wait' | 'replace' | 'clock' | 'again'

/** By code of `SessionKey-Error`; nothing helps against others. */
const REMEDIES: ReadonlyMap<string, readonly Remedy[]> = new Map([
  ['stek_unknown', ['retired', 'wait', 'replace']],
  ['not_yet', ['retired', 'wait']],
  ['feed_silent', ['wait']],
  ['replay_unavailable', ['wait']],
  ['replay_window_full', ['wait']],
  ['sig_stale', ['clock']],
  // A browser sends a request again by itself when its connection breaks: the same proof. Only where nothing is done twice.
  ['replay', ['again']],
  ...[
    ...['session_needed', 'expired', 'revoked', 'superseded', 'ticket_malformed', 'ticket_invalid'],
    ...['ticket_group', 'keyid', 'sig_invalid', 'bearer_refused'],
  ].map((code): [string, readonly Remedy[]] => [code, ['replace']]),
])
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
/** As browsers have it. */
const REDIRECTS_MAX = 20
/** Without a Retry-After. */
const WAIT_MS = 1000

/** A body ready to be sent under one session. */
interface Outgoing {
  readonly headers: Headers
  readonly held: HeldBody | undefined
}

export class SessionFetch {
  readonly #world: SessionWorld
  readonly #keeper: SessionKeeper
  readonly #options: SessionFetchOptions

  constructor(world: SessionWorld, keeper: SessionKeeper, options: SessionFetchOptions = {}) {
    this.#world = world
    this.#keeper = keeper
    this.#options = options
  }

  /** A request to our own origin. @throws SessionError without a session, TypeError as `fetch` does */
  async fetch(request: Request): Promise<Response> {
    // First, so that without a session the request is not used up.
    let session = await this.#keeper.session()
    const body = await readBody(request)
    let step: Step = {
      method: request.method,
      url: new URL(request.url),
      headers: new Headers(request.headers),
      body,
    }
    for (let redirects = 0; ; redirects++) {
      const stepped = await this.#insist(request, step, session)
      session = stepped.session
      const next = followed(stepped, step, request.redirect, this.#world)
      if (next === undefined) return openResponse(session, stepped.response)
      if (redirects >= REDIRECTS_MAX) throw new TypeError('Too many redirects')
      await stepped.response.body?.cancel()
      if (next.url.origin !== this.#world.origin) return await this.#plainly(request, next)
      step = next
    }
  }

  async #insist(request: Request, step: Step, first: Session): Promise<Stepped> {
    const tried = new Set<Remedy>()
    let session = first
    let outgoing = await this.#outgoing(step, session)
    for (;;) {
      const response = await this.#send(request, step, outgoing, session)
      this.#keeper.heed(response.headers.get('sessionkey-rotate'), session)
      const stepped = { response, session }
      const code = response.headers.get('sessionkey-error')
      // What a redirect led to was not signed for: that is another step.
      if (code === null || response.redirected) return stepped
      const next = await this.#remedy(code, step.method, stepped, tried)
      if (next === undefined) return stepped
      await response.body?.cancel()
      if (next !== session && this.#options.sealBodies === true) {
        outgoing = await this.#outgoing(step, next)
      }
      session = next
    }
  }

  /** The session to try once more with; undefined when nothing is left that may help. */
  async #remedy(
    code: string,
    method: string,
    { response, session }: Stepped,
    tried: Set<Remedy>,
  ): Promise<Session | undefined> {
    for (const remedy of REMEDIES.get(code) ?? []) {
      if (tried.has(remedy)) continue
      tried.add(remedy)
      const next = await this.#apply(remedy, method, response, session)
      if (next !== undefined) return next
    }
    return undefined
  }

  async #apply(
    remedy: Remedy,
    method: string,
    { headers }: Response,
    session: Session,
  ): Promise<Session | undefined> {
    switch (remedy) {
      case 'retired':
        return this.#keeper.retired(session)
      case 'wait':
        await this.#world.wait(retryAfterMs(headers) || WAIT_MS)
        return session
      case 'clock':
        return (await this.#keeper.learnClock(dateOf(headers))) ? session : undefined
      case 'again':
        return SAFE_METHODS.has(method) ? session : undefined
      case 'replace':
        // The answer in hand says more than why no other session could be had.
        return await this.#keeper.replace(session).catch(() => undefined)
    }
  }

  async #outgoing({ headers, body }: Step, session: Session): Promise<Outgoing> {
    const isSealed = this.#options.sealBodies === true && body !== undefined
    const fields = new Headers(headers)
    if (isSealed) fields.append('content-encoding', SEALED_CODING)
    if (body === undefined) return { headers: fields, held: undefined }
    return {
      headers: fields,
      held: await holdBody(isSealed ? await sealBody(session, body) : body),
    }
  }

  async #send(
    request: Request,
    { method, url }: Step,
    { headers, held }: Outgoing,
    session: Session,
  ): Promise<Response> {
    const signing = { method, url, contentDigest: held?.digest }
    const signed = new Headers(headers)
    const fields = await proofFields(session, signing, this.#keeper.now())
    for (const [name, value] of Object.entries(fields)) signed.set(name, value)
    const follow = this.#world.followsRedirects || request.mode === 'navigate'
    return await this.#world.send(url.href, {
      ...initOf(request),
      method,
      headers: signed,
      ...(held === undefined ? {} : { body: held.bytes }),
      // Others let a redirect carry our fields to another origin.
      mode: 'same-origin',
      redirect: follow ? 'manual' : request.redirect,
    })
  }

  /** Elsewhere nobody is told who we are. */
  async #plainly(request: Request, { method, url, headers, body }: Step): Promise<Response> {
    for (const name of ['authorization', 'cookie', 'proxy-authorization']) headers.delete(name)
    const init = { ...initOf(request), method, headers, ...(body === undefined ? {} : { body }) }
    return await this.#world.send(url.href, { ...init, redirect: 'follow' })
  }
}

function initOf(request: Request): RequestInit {
  const { cache, credentials, integrity, keepalive, referrer, referrerPolicy, signal } = request
  return { cache, credentials, integrity, keepalive, referrer, referrerPolicy, signal }
}
