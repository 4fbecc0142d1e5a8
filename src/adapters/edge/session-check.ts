/**
 * Is a request made under a session key, as its route wants it? What HTTP/1.1 and HTTP/2 have in common: they describe
 * the request, this says whether it is refused, or what it still waits for and what goes along with it. The check itself
 * is the guard's (`session-guard.ts`), the answer `session-answer.ts`.
 *
 * @module
 */
import type { RotationHint } from '../../keys/session/rotation-hints.ts'
import type { KnownSession, ProofRefusal } from '../../keys/session/validate-request.ts'
import type { RouteSessionPolicy } from '../../ports/data-plane.ts'
import type { ReplayMet } from '../../ports/replay-scope.ts'
import { cutQueryToken, readQueryToken, WEBSOCKET_METHOD } from '../../wire/session-proof.ts'
import { BodyDigest, readContentDigest } from './body-digest.ts'
import { type BodyOpener, type BodySealing, isSealed } from './body-sealing.ts'
import type { SessionRefusal } from './session-answer.ts'
import { takeSessionCookie } from './session-cookie.ts'
import type { AssertionLine, AssuranceLevel, SessionGuard } from './session-guard.ts'
import type { PlacedSession } from './session-places.ts'

/** What a route wants of its requests. */
export interface SessionTerms extends RouteSessionPolicy {
  readonly isRequired: boolean
}

/** A request as far as it is looked at; fields as they came, '' when absent. */
export interface SessionRequest {
  readonly method: string
  readonly authority: string
  /** Over TLS: which port goes without saying. */
  readonly secure: boolean
  /** Path and query. */
  readonly target: string
  readonly hasBody: boolean
  /** It asks for another protocol. */
  readonly upgrade: boolean
  /** That is a WebSocket (RFC 6455 section 4.1), for which the proof may come in the query. */
  readonly webSocket: boolean
  readonly sessionKey: string
  readonly signature: string
  readonly signatureInput: string
  readonly contentDigest: string
  /** One of them, or Cookie, is there more than once: which one counts would be a guess. */
  readonly proofDoubled: boolean
  readonly cookies: string
  /** Value of Content-Encoding, of several fields joined; only asked for where bodies are sealed. */
  codings(): string
  /** Of the client, as it is now. */
  readonly tier: 1 | 2 | 3
}

/** What goes on with a request that may pass. */
export interface SessionPass {
  readonly kind: 'pass'
  /** Who asks; undefined: nobody. */
  readonly who: PlacedSession | undefined
  /** The same as the guard knows it. */
  readonly known: KnownSession<unknown> | undefined
  /** By a proof, by the cookie alone, or as nobody. */
  readonly result: 'valid' | 'bearer' | 'none'
  /** Says to the server who asks. */
  readonly assertion: AssertionLine | undefined
  /** A field line with CR LF for the answer: the client is to rotate. */
  readonly hint: Buffer | undefined
  /** To be sent on instead of the one that came. */
  readonly target: string | undefined
  readonly digest: BodyDigest | undefined
  /** How the answer's body is to be sealed, where bodies are. */
  readonly sealing: BodySealing | undefined
  /** Of the request's body. */
  readonly opener: BodyOpener | undefined
  /** Nothing is sent on before this says that the proof is fresh. */
  readonly met: Promise<ReplayMet> | undefined
}

export type SessionCheck = SessionPass | SessionStop

/** In the making: made with each request, so nothing is copied from object to object. */
type Passing = { -readonly [K in keyof SessionPass]: SessionPass[K] }

export interface SessionStop {
  readonly kind: 'stop'
  readonly code: SessionRefusal
  /** The client could not have shown better than it did: a person with a browser gets the page. */
  readonly isHelpless: boolean
}

/** Passes as anybody. */
const NOBODY: SessionPass = {
  ...{ kind: 'pass', result: 'none', assertion: undefined, hint: undefined },
  ...{ target: undefined, digest: undefined, met: undefined },
  ...{ sealing: undefined, opener: undefined, who: undefined, known: undefined },
}

/** @param now seconds since 1970, may have a fraction */
export function checkSession(
  guard: SessionGuard,
  terms: SessionTerms,
  request: SessionRequest,
  now: number,
): SessionCheck {
  if (request.proofDoubled) return stop('sig_params')
  const cut = cutQueryToken(request.target)
  if (cut === undefined) return checkProof(guard, terms, request, now)
  if (request.webSocket) return checkToken(guard, terms, request, cut, now)
  const check = checkProof(guard, terms, request, now)
  // It holds the ticket, and is no proof of this: nobody else is to see it.
  const isToken = check.kind === 'pass' && readQueryToken(cut.token) !== undefined
  return isToken ? { ...check, target: cut.target } : check
}

/** Without a token. */
function checkProof(
  guard: SessionGuard,
  terms: SessionTerms,
  request: SessionRequest,
  now: number,
): SessionCheck {
  if (request.sessionKey !== '') return checkFields(guard, terms, request, now)
  // Who shows a cookie has no key to open what is sealed.
  if (terms.bearer && !terms.sealBodies && request.cookies !== '') {
    const seen = takeSessionCookie(request.cookies)
    if (seen !== undefined) return checkBearer(guard, terms, request, seen.sessionKey, now)
  }
  return terms.isRequired ? { kind: 'stop', code: 'session_needed', isHelpless: true } : NOBODY
}

/** What a pass has waited for, in the words of a refusal; undefined: it may go on. */
export function refusalOf(met: ReplayMet): SessionRefusal | undefined {
  if (met === 'fresh') return undefined
  return met === 'replay' ? 'replay' : 'replay_unavailable'
}

function checkFields(
  guard: SessionGuard,
  terms: SessionTerms,
  request: SessionRequest,
  now: number,
): SessionCheck {
  const { method, hasBody, target } = request
  // Or a token taken from a URL could be made into a request of that name.
  if (method === WEBSOCKET_METHOD) return stop('sig_params')
  const wanted =
    terms.bodyDigest && request.contentDigest !== ''
      ? readContentDigest(request.contentDigest)
      : undefined
  const needsDigest = terms.bodyDigest && hasBody
  if (needsDigest && wanted === undefined) return stop('digest_missing')
  if (terms.sealBodies && hasBody && !isSealed(request.codings())) return stop('body_unsealed')
  const authority = authorityOf(request)
  const mark = target.indexOf('?')
  const validation = guard.validate(
    {
      method,
      authority,
      sessionKey: request.sessionKey,
      path: mark < 0 ? target || '/' : target.slice(0, mark) || '/',
      query: mark < 0 ? '?' : target.slice(mark),
      contentDigest: request.contentDigest === '' ? undefined : request.contentDigest,
    },
    {
      input: request.signatureInput,
      signature: request.signature,
      needsDigest,
      group: guard.groupOf(authority),
    },
    now,
  )
  if (validation.kind === 'refused') return stop(validation.code)
  const { session, proof } = validation
  // A digest that nobody signed is anybody's.
  const digest = wanted === undefined || !proof.coversDigest ? undefined : new BodyDigest(wanted)
  // Else a body could be taken away on the way.
  if (digest !== undefined && !hasBody && !digest.isOfNothing) return stop('digest_mismatch')
  const met =
    isSafe(method) && !request.upgrade
      ? undefined
      : guard.meet(terms.replay, session.id, proof.nonce)
  const sealing = terms.sealBodies ? guard.sealing(session) : undefined
  const passed = pass(guard, terms, request, session, 'proof', authority, now)
  passed.met = met
  passed.sealing = sealing
  if (hasBody) {
    passed.digest = digest
    passed.opener = sealing?.opener()
  }
  return passed
}

function checkToken(
  guard: SessionGuard,
  terms: SessionTerms,
  request: SessionRequest,
  cut: { readonly target: string; readonly token: string },
  now: number,
): SessionCheck {
  const token = readQueryToken(cut.token)
  if (token === undefined) return stop('sig_params')
  const authority = authorityOf(request)
  const mark = cut.target.indexOf('?')
  const validation = guard.validate(
    {
      ...{ method: WEBSOCKET_METHOD, authority, sessionKey: token.sessionKey },
      path: mark < 0 ? cut.target || '/' : cut.target.slice(0, mark) || '/',
      query: mark < 0 ? '?' : cut.target.slice(mark),
      contentDigest: undefined,
    },
    {
      ...{ input: `lim=${token.parameters.raw}`, signature: token.signature, needsDigest: false },
      group: guard.groupOf(authority),
    },
    now,
  )
  if (validation.kind === 'refused') return stop(validation.code)
  const { session, proof } = validation
  return {
    ...pass(guard, terms, request, session, 'proof', authority, now),
    ...{ target: cut.target, met: guard.meet(terms.replay, session.id, proof.nonce) },
    sealing: terms.sealBodies ? guard.sealing(session) : undefined,
  }
}

function checkBearer(
  guard: SessionGuard,
  terms: SessionTerms,
  request: SessionRequest,
  sessionKey: string,
  now: number,
): SessionCheck {
  const authority = authorityOf(request)
  const session = guard.bearer(sessionKey, guard.groupOf(authority), now)
  if (typeof session === 'string') return { kind: 'stop', code: session, isHelpless: true }
  return pass(guard, terms, request, session, 'bearer', authority, now)
}

function pass(
  guard: SessionGuard,
  { rotation }: SessionTerms,
  { tier }: SessionRequest,
  session: KnownSession<unknown>,
  level: AssuranceLevel,
  authority: string,
  now: number,
): Passing {
  const hint = guard.hintFor(session, tier, now, rotation?.everyS)
  const shown = Math.max(tier, session.ticket.tier)
  return {
    kind: 'pass',
    result: level === 'proof' ? 'valid' : 'bearer',
    assertion: guard.assertionFor(session, { host: authority, tier: shown, level }, now),
    hint: hint && Buffer.from(`SessionKey-Rotate: ${writeHint(hint)}\r\n`),
    target: undefined,
    digest: undefined,
    met: undefined,
    sealing: undefined,
    opener: undefined,
    who: { id: session.id, generation: session.ticket.generation },
    known: session,
  }
}

function writeHint({ by, from, reason }: RotationHint): string {
  const after = from === undefined ? '' : `;from=${Math.floor(from)}`
  return `by=${Math.floor(by)};reason=${reason}${after}`
}

function stop(code: ProofRefusal | SessionRefusal): SessionStop {
  return { kind: 'stop', code, isHelpless: false }
}

/** RFC 9110 section 9.2.1: made twice, they do nothing twice. */
function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/** `@authority` (RFC 9421 section 2.2.3): in lower case, without the port that goes without saying. */
function authorityOf({ authority, secure }: SessionRequest): string {
  const lower = authority.toLowerCase()
  const port = secure ? ':443' : ':80'
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower
}
