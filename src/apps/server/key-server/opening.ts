/**
 * `POST session` and `POST rotate` of the key server (LSK/1 section 1.3), without sockets: who may ask, for which origin, with
 * which ticket. The agreement itself is `flows/open-session.ts`.
 *
 * @module
 */
import type { Steks } from '../../../adapters/node/session-crypto.ts'
import type { Tier } from '../../../behavior/tier.ts'
import { type Opened, openSession, type SessionOffice } from '../../../flows/open-session.ts'
import type { Revocations } from '../../../keys/session/revocations.ts'
import { LATEST_SHARE } from '../../../keys/session/rotation-hints.ts'
import {
  type IntervalReason,
  type RotationGate,
  type RotationInterval,
  type RotationPolicy,
  rotationInterval,
  spreadInterval,
} from '../../../keys/session/rotation-policy.ts'
import { KEY_MESSAGE_BYTES_MAX, MESSAGE_TYPE } from '../../../wire/key-message.ts'
import {
  readSealedTicket,
  readTicketContents,
  TICKET_BYTES_MAX,
  type TicketContents,
} from '../../../wire/session-ticket.ts'
import type { KeyRequest } from './answer.ts'
import type { FailedRotations } from './failed-rotations.ts'
import { type KeyAnswer, type KeyRefusal, refusal } from './key-refusals.ts'
import type { Login } from './login.ts'

/** What sessions are opened with. */
export interface OpeningDesk {
  /** Of the group that sessions of this host are of; undefined while it has no key in force. */
  office(host: string): (SessionOffice & { readonly group: number }) | undefined
  readonly steks: Steks
  readonly revocations: Revocations
  /** Of a key group. */
  rotation(group: number): RotationPolicy
  /** Of all rotations together. */
  readonly gate: RotationGate
  readonly failures: FailedRotations
  /** Does the configuration list the suite under this key? undefined: there is no such key. */
  offers(keyId: number, suite: number): boolean | undefined
  /** Load over capacity in the minutes to come; undefined where nobody knows. */
  load(): number | undefined
  readonly ticketS: number
  /** Tickets are set as a cookie too, for what cannot prove. */
  readonly bearer: boolean
  /** undefined: nobody logs in here. */
  readonly login: Login | undefined
  /** Is this one of the names we serve? An origin is bound to its host, so a stranger's must not be vouched for. */
  isOurHost(host: string): boolean
  /** May one more session be opened now? */
  admit(address: string): boolean
  /** A session was opened or rotated; `previous` is the ticket it followed, without its keys. */
  onOpened(opened: OpenedSession): void
}

export interface OpenedSession {
  readonly id: string
  readonly generation: number
  readonly group: number
  readonly origin: string
  readonly tier: Tier
  /** When its key should rotate next, seconds since 1970; by which reasons, with a line for a person each. */
  readonly rotateAfter: number
  readonly reasons: readonly IntervalReason[]
  readonly why: readonly string[]
  /** `LSK1`'s number. */
  readonly suite: number
  /** Pseudonym of who logged in, base64url. */
  readonly subject: string | undefined
  readonly previous:
    | { readonly rotateAfter: number; readonly tier: number; readonly expires: number }
    | undefined
}

interface Ticket {
  readonly plain: Uint8Array
  readonly contents: TicketContents
}

const MESSAGE_CONTENT_TYPE = 'application/limen-lsk'
/** A fifth of a ticket's life is left to try a rotation again. */
const ROTATE_LATEST_SHARE = 0.8
/** In the header of a message. */
const KEY_ID_AT = 6
const SUITE_AT = 8
const SESSION_KEY_CHARS_MAX = Math.ceil(TICKET_BYTES_MAX / 3) * 4 + 2
const HOST = /^(?:[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/

/** @param nowMs milliseconds since 1970 */
export function answerOpening(
  desk: OpeningDesk,
  request: KeyRequest,
  isRotate: boolean,
  nowMs: number,
): KeyAnswer | Promise<KeyAnswer> {
  const refuse = (code: KeyRefusal) => refusal(code, code)
  const now = Math.floor(nowMs / 1000)
  const { body, tier } = request
  if (!/^application\/limen-lsk *(?:;|$)/i.test(request.contentType)) return refuse('bad_type')
  if (body.length > KEY_MESSAGE_BYTES_MAX) return refuse('too_large')
  // Of each path its own kind: the other would be counted, and limited, as what it is not.
  if (body[4] !== (isRotate ? MESSAGE_TYPE.rotate : MESSAGE_TYPE.init)) return refuse('bad_message')
  // Costs nothing, so it is not counted: before anybody is admitted.
  if (desk.offers(u16At(body, KEY_ID_AT), u16At(body, SUITE_AT)) === false) {
    return refuse('suite_refused')
  }
  const origin = originOf(request)
  if (origin === undefined || !desk.isOurHost(hostOf(origin))) return refuse('host_unknown')
  if (request.origin !== '' && request.origin !== origin) return refuse('foreign_origin')
  const office = desk.office(hostOf(origin))
  if (office === undefined) return refuse('not_ready')
  const ticket = isRotate ? openTicket(desk, request.sessionKey, office.group, now) : undefined
  if (typeof ticket === 'string') return refuse(ticket)
  // Who shows a ticket of ours is no stranger: a flood of strangers does not keep it from rotating.
  if (ticket === undefined && !desk.admit(request.address)) return refuse('busy')
  if (ticket !== undefined && !admitsRotation(desk, request, ticket.contents, nowMs)) {
    ticket.plain.fill(0)
    return refuse('busy')
  }
  const policy = desk.rotation(office.group)
  const interval = rotationInterval(policy, {
    tier,
    predictedLoad: desk.load(),
    ticketMostS: Math.floor(desk.ticketS * ROTATE_LATEST_SHARE),
  })
  const rotateS = spreadInterval(interval.seconds, policy.leastS, office.random.fraction())
  const opened = openSession(
    office,
    {
      message: body,
      origin,
      subject: undefined,
      tier,
      rotateS,
      softBinding: undefined,
      previous: ticket?.contents,
    },
    now,
  )
  const finish = (done: Opened, subject: Uint8Array | undefined): KeyAnswer => {
    // Of tabs that race all but one hear a conflict: they have shown the key.
    if (ticket !== undefined && done.kind === 'refused' && done.code !== 'gen_conflict') {
      desk.failures.failed(sessionOf(desk, ticket.contents), request.address, nowMs)
    }
    const answer =
      done.kind === 'refused'
        ? refuse(done.code)
        : replyOf(desk, done, {
            group: office.group,
            origin,
            subject,
            request,
            ticket,
            interval,
            rotateAfter: now + rotateS,
          })
    ticket?.plain.fill(0)
    return answer
  }
  if (opened.kind !== 'login') return finish(opened, ticket?.contents.subject)
  return (desk.login?.subjectOf(opened.proof, origin, nowMs) ?? Promise.resolve(undefined)).then(
    (subject) => finish(opened.finish(subject), subject),
  )
}

interface Circumstances {
  readonly group: number
  readonly origin: string
  readonly subject: Uint8Array | undefined
  readonly request: KeyRequest
  readonly ticket: Ticket | undefined
  readonly interval: RotationInterval
  /** Seconds since 1970. */
  readonly rotateAfter: number
}

/** A storm of rotations is let in by and by: the keys there are serve on. */
function admitsRotation(
  desk: OpeningDesk,
  { tier, address }: KeyRequest,
  ticket: TicketContents,
  nowMs: number,
): boolean {
  // A ticket without its key is anybody's.
  if (!desk.failures.mayTry(sessionOf(desk, ticket), address, nowMs)) return false
  const { notBefore, expires } = ticket
  const now = nowMs / 1000
  const isUrgent = now > notBefore + (expires - notBefore) * LATEST_SHARE
  return desk.gate.admit(tier > ticket.tier ? 'security' : isUrgent ? 'urgent' : 'ordinary', now)
}

function sessionOf({ steks }: OpeningDesk, ticket: TicketContents): string {
  return steks.encodeUrl(ticket.sessionId)
}

/** 0 where the message has ended. */
function u16At(body: Uint8Array, at: number): number {
  return ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0)
}

function replyOf(
  desk: OpeningDesk,
  opened: Opened & { readonly kind: 'opened' },
  { group, origin, subject, request, ticket, interval, rotateAfter }: Circumstances,
): KeyAnswer {
  const { session: id, generation, again, reply } = opened
  if (!again) {
    const { tier, body } = request
    const previous = ticket?.contents
    desk.onOpened({
      ...{ id, generation, group, origin, tier },
      ...{ rotateAfter, reasons: interval.reasons, why: interval.why },
      subject: subject && desk.steks.encodeUrl(subject),
      suite: u16At(body, SUITE_AT),
      previous: previous && {
        ...{ rotateAfter: previous.rotateAfter, tier: previous.tier, expires: previous.expires },
      },
    })
  }
  const fields = {
    'content-type': MESSAGE_CONTENT_TYPE,
    'cache-control': 'no-store',
    'content-length': String(reply.length),
    ...(desk.bearer && request.secure ? { 'set-cookie': cookieOf(desk, opened.ticket) } : {}),
  }
  return { status: 200, fields, body: reply, result: again ? 'repeated' : 'opened' }
}

function cookieOf({ steks, ticketS }: OpeningDesk, ticket: Uint8Array): string {
  const value = steks.encodeUrl(ticket)
  return `__Host-limen=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${ticketS}`
}

/** The ticket to rotate, of this group, in time and not revoked. The caller zeroes `plain`, of which `contents` holds views. */
function openTicket(
  { steks, revocations }: OpeningDesk,
  sessionKey: string,
  officeGroup: number,
  now: number,
): Ticket | KeyRefusal {
  if (sessionKey === '') return 'prev_missing'
  const inColons = sessionKey.length > 2 && sessionKey.startsWith(':') && sessionKey.endsWith(':')
  if (!inColons || sessionKey.length > SESSION_KEY_CHARS_MAX) return 'ticket_malformed'
  const bytes = steks.decode(sessionKey.slice(1, -1))
  const sealed = bytes === undefined ? undefined : readSealedTicket(bytes)
  if (sealed === undefined) return 'ticket_malformed'
  const plain = steks.openTicket(sealed)
  if (plain === 'unknown') return 'stek_unknown'
  const contents = plain === undefined ? undefined : readTicketContents(plain)
  if (plain === undefined || contents === undefined) return 'ticket_invalid'
  const { generation, epoch, notBefore, expires, subject } = contents
  const group = sealed.stekId >>> 24
  const isRevoked = revocations.isRevoked({
    ...{ generation, epoch, openedAt: notBefore, group },
    session: steks.encodeUrl(contents.sessionId),
    subject: subject && steks.encodeUrl(subject),
  })
  // A session does not move to another group: what was taken from one would be good in the other.
  if (!isRevoked && now < expires && group === officeGroup) return { plain, contents }
  plain.fill(0)
  return isRevoked ? 'revoked' : now >= expires ? 'expired' : 'ticket_group'
}

/** As a browser writes it (RFC 6454 section 6.2). undefined for a host that cannot be. */
function originOf({ host, secure }: KeyRequest): string | undefined {
  const name = host.toLowerCase()
  if (!HOST.test(name)) return undefined
  return URL.parse(`${secure ? 'https' : 'http'}://${name}`)?.origin
}

function hostOf(origin: string): string {
  return URL.parse(origin)?.hostname.replace(/^\[|\]$/g, '') ?? ''
}
