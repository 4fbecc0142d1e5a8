/**
 * What a worker knows of sessions whose behavior is watched: in which tier each one is, as it was told; and what follows for a
 * request: its pool, what the server is told, and in tier 2 fewer requests and a proof of work. Who the users are is
 * read off the servers' answers and told on.
 *
 * The tiers are found out elsewhere (`flows/watch-people.ts`): nothing here waits for that.
 *
 * @module
 */
import type { Tier } from '../../behavior/tier.ts'
import type { BehaviorSettings, SessionTier } from '../../ports/data-plane.ts'
import type { Answer } from './answer.ts'
import { BehaviorCookies } from './behavior-cookie.ts'
import { COOKIES_OF_NAME_MAX, CookieReader } from './cookie-readings.ts'
import { PROOF_PATH, type ProofsOfWork } from './proof-of-work.ts'
import { askForWork, cookieIn, passWork, WORK_REFUSED } from './work-answers.ts'

/** A request as far as it is looked at; fields as they came, '' when absent. */
export interface BehavingRequest {
  readonly target: string
  /** Of a request under a session key: its session. */
  readonly who: string | undefined
  /** Version of TLS, '' without. */
  tls(): string
  cookies(): string
  accept(): string
  /** Id of the decision on its connection. */
  decision(): string
}

export interface BehaviorMet {
  /** undefined: a request of no session. */
  readonly session: string | undefined
  /** What counts; 1 of a session nobody has spoken of. */
  readonly tier: Tier
  /** Field lines with CR LF for the server, '' for none. */
  readonly fields: string
  /** To be answered instead of passing the request on. */
  readonly answer: Answer | undefined
}

export interface BehaviorHost {
  readonly proofs: ProofsOfWork
  /** Milliseconds, monotonic. */
  now(): number
  /** The answer to a request of this session had this in the user field. */
  onUser(session: string, value: string): void
  /** A session came over these sessions of the application at once, others than the last time that is remembered. */
  onAnchored(session: string, anchors: readonly string[]): void
  /** A session has shown a proof of work. */
  onPassed(session: string): void
}

export const BEHAVIOR_PASS_COOKIE = '__Host-limen-behavior-pass'
/** Suspicious ones only: the oldest give way, and are as ordinary then as those nobody knows. */
const TIERS_MAX = 100_000
/** Sessions whose user was told: told again when forgotten. */
const USERS_MAX = 50_000
/** Of a session's id, as decisions name it (`apps/server/behavior/shown-session.ts`). */
const SHOWN_CHARS = 8
const NOBODY: BehaviorMet = { session: undefined, tier: 1, fields: '', answer: undefined }

/** What stands for a session of the application. */
interface Anchor {
  readonly id: string
  /** Of all that the cookie holds, not of where some servers would cut it: sessions are not bound to that. */
  readonly isWhole: boolean
}

const NO_ANCHORS: readonly Anchor[] = []

interface Suspect {
  readonly shown: Tier
  readonly enforced: Tier
  /** Requests it may make now, and when that was counted. */
  tokens: number
  at: number
}

export class BehaviorSessions {
  #settings: BehaviorSettings
  #cookies: BehaviorCookies
  #key: Uint8Array
  /** Of the application's session. */
  #reader: CookieReader | undefined
  readonly #host: BehaviorHost
  readonly #suspects = new Map<string, Suspect>()
  readonly #users = new Map<string, string>()
  /** By session: what it came over last, one after another with a space between. */
  readonly #anchors = new Map<string, string>()

  constructor(settings: BehaviorSettings, key: Uint8Array, host: BehaviorHost) {
    this.#settings = settings
    this.#key = key
    this.#cookies = new BehaviorCookies(key)
    this.#reader = readerOf(settings)
    this.#host = host
  }

  reload(settings: BehaviorSettings, key: Uint8Array): void {
    this.#settings = settings
    this.#reader = readerOf(settings)
    if (Buffer.compare(this.#key, key) === 0) return
    this.#key = key
    this.#cookies = new BehaviorCookies(key)
  }

  /** As the supervisor has it. */
  hear(tiers: readonly SessionTier[]): void {
    for (const { session, shown, enforced } of tiers) {
      const before = this.#suspects.get(session)
      this.#suspects.delete(session)
      if (shown === 1 && enforced === 1) {
        // It may be one that is over: who its user is must be said again.
        this.#users.delete(session)
        this.#anchors.delete(session)
        continue
      }
      if (this.#suspects.size >= TIERS_MAX) {
        this.#suspects.delete(this.#suspects.keys().next().value ?? '')
      }
      const { tokens = this.#burst, at = this.#host.now() } = before ?? {}
      this.#suspects.set(session, { shown, enforced, tokens, at })
    }
  }

  /** What counts of a session. */
  tierOf(session: string): Tier {
    return this.#suspects.get(session)?.enforced ?? 1
  }

  /** @param isDesk it goes to where behavior is taken in, not to a server of the site */
  meet(request: BehavingRequest, isDesk: boolean): BehaviorMet {
    const anchors = request.who === undefined ? this.#anchorsOf(request.cookies()) : NO_ANCHORS
    if (anchors === undefined) return { ...NOBODY, answer: TOO_MANY_COOKIES }
    const session = request.who ?? this.#cookies.sessionOf(request.cookies()) ?? anchors.at(0)?.id
    if (isDesk) return { ...NOBODY, session, fields: deskFields(request.tls(), session) }
    if (session === undefined) return NOBODY
    if (anchors.length > 0) this.#cameOver(session, anchors)
    let about = session
    let suspect = this.#suspects.get(session)
    // The highest of all: another cookie does not help who has the session of the application.
    for (const { id } of anchors) {
      const over = this.#suspects.get(id)
      if (rankOf(over) <= rankOf(suspect)) continue
      suspect = over
      about = id
    }
    if (suspect === undefined) return { ...NOBODY, session, fields: 'Limen-Behavior-Tier: 1\r\n' }
    const { shown, enforced: tier } = suspect
    const fields = `Limen-Behavior-Tier: ${shown}\r\n`
    const answer = tier === 2 ? this.#stricter(about, suspect, request) : undefined
    return { session, tier, fields, answer }
  }

  /** The answer to a request of that session says who its user is. */
  saw(session: string, value: string): void {
    if (this.#users.get(session) === value) return
    this.#users.delete(session)
    if (this.#users.size >= USERS_MAX) this.#users.delete(this.#users.keys().next().value ?? '')
    this.#users.set(session, value)
    this.#host.onUser(session, value)
  }

  /** By every reading of the application's cookie; undefined when there are too many of them. */
  #anchorsOf(cookies: string): readonly Anchor[] | undefined {
    if (this.#reader === undefined) return NO_ANCHORS
    const readings = this.#reader.read(cookies)
    if (readings === undefined || readings.length === 0) return readings && NO_ANCHORS
    return readings.map(({ value, isWhole }) => ({ id: this.#cookies.anchorOf(value), isWhole }))
  }

  #cameOver(session: string, anchors: readonly Anchor[]): void {
    const before = this.#anchors.get(session)
    const [first] = anchors
    if (anchors.length === 1 && first?.id === (before ?? session)) return
    const over = anchors.flatMap(({ id, isWhole }) => (isWhole && id !== session ? id : []))
    const now = over.join(' ')
    if (now === (before ?? '')) return
    this.#anchors.delete(session)
    if (this.#anchors.size >= USERS_MAX) {
      this.#anchors.delete(this.#anchors.keys().next().value ?? '')
    }
    this.#anchors.set(session, now)
    if (over.length > 0) this.#host.onAnchored(session, over)
  }

  get #burst(): number {
    return Math.max(1, 2 * this.#settings.requestsPerSecond)
  }

  #stricter(session: string, suspect: Suspect, request: BehavingRequest): Answer | undefined {
    const { requestsPerSecond, work } = this.#settings
    if (requestsPerSecond > 0 && !this.#admits(suspect, requestsPerSecond)) return TOO_MANY
    if (work <= 0) return undefined
    const about = workOf(session)
    const { proofs } = this.#host
    if (request.target.startsWith(`${PROOF_PATH}?`)) {
      const query = new URLSearchParams(request.target.slice(PROOF_PATH.length + 1))
      const redeemed = proofs.redeem(query.get('solution') ?? '', about)
      if (redeemed.kind !== 'passed') {
        return this.#challenge({ ...request, target: '/' }, session, WORK_REFUSED[redeemed.kind])
      }
      this.#host.onPassed(session)
      const { pass, seconds } = redeemed
      return passWork(pass, seconds, query.get('to') ?? '/', BEHAVIOR_PASS_COOKIE)
    }
    const pass = cookieIn(request.cookies(), BEHAVIOR_PASS_COOKIE)
    if (pass !== undefined && proofs.isPass(pass, about)) return undefined
    return this.#challenge(request, session, 'a proof of work is needed')
  }

  #challenge(request: BehavingRequest, session: string, why: string): Answer {
    const challenge = this.#host.proofs.challenge(workOf(session), this.#settings.work)
    const { target } = request
    // What `limen decisions` finds, on the connection or else on the session.
    const decision = request.decision() || `session ${session.slice(0, SHOWN_CHARS)}`
    return askForWork(challenge, { accept: request.accept(), target, decision }, why)
  }

  /** A token bucket. */
  #admits(suspect: Suspect, perSecond: number): boolean {
    const now = this.#host.now()
    const grown = suspect.tokens + ((now - suspect.at) / 1000) * perSecond
    suspect.tokens = Math.min(this.#burst, grown)
    suspect.at = now
    if (suspect.tokens < 1) return false
    suspect.tokens--
    return true
  }
}

/** Not the profile of a client: a pass of another session is worth nothing. */
function workOf(session: string): string {
  return `behavior/${session}`
}

function rankOf(suspect: Suspect | undefined): number {
  return suspect === undefined ? 0 : suspect.enforced * 4 + suspect.shown
}

/** For where batches are taken in. */
function deskFields(tls: string, session: string | undefined): string {
  const of = session === undefined ? '' : `Limen-Session: ${session}\r\n`
  return `Limen-Client-Tls: ${tls === '' ? 'none' : tls}\r\n${of}`
}

function readerOf({ sessionCookie }: BehaviorSettings): CookieReader | undefined {
  return sessionCookie === undefined ? undefined : new CookieReader(sessionCookie)
}

/** No browser has so many; what is not looked at could be the one that a server takes. */
const TOO_MANY_COOKIES: Answer = {
  status: 431,
  fields: [
    ['Content-Type', 'application/problem+json'],
    ['Cache-Control', 'no-store'],
  ],
  body: JSON.stringify({
    type: 'urn:limen:err:too-many-cookies',
    title: 'Request Header Fields Too Large',
    status: 431,
    detail: `there are more than ${COOKIES_OF_NAME_MAX} cookies of one name`,
  }),
}

const TOO_MANY: Answer = {
  status: 429,
  fields: [
    ['Content-Type', 'application/problem+json'],
    ['Cache-Control', 'no-store'],
    ['Retry-After', '1'],
  ],
  body: JSON.stringify({
    type: 'urn:limen:err:too-many-requests',
    title: 'Too Many Requests',
    status: 429,
    detail: 'this session may make fewer requests for a while',
  }),
}
