/**
 * What the key server answers, without sockets (LSK/1, `/.well-known/limen/`): `GET keys`, `POST session`, `POST
 * rotate`. Errors are problem details (RFC 9457) with their code in `SessionKey-Error` too.
 *
 * @module
 */
import type { Steks } from '../../../adapters/node/session-crypto.ts'
import type { Tier } from '../../../behavior/tier.ts'
import {
  type Opened,
  type OpenRefusal,
  openSession,
  type SessionOffice,
} from '../../../flows/open-session.ts'
import type { Revocations } from '../../../keys/session/revocations.ts'
import { type RotationPolicy, rotationInterval } from '../../../keys/session/rotation-policy.ts'
import { KEY_MESSAGE_BYTES_MAX, MESSAGE_TYPE } from '../../../wire/key-message.ts'
import {
  readSealedTicket,
  readTicketContents,
  TICKET_BYTES_MAX,
  type TicketContents,
} from '../../../wire/session-ticket.ts'
import { KEY_PATH } from '../config/key-server-settings.ts'

/** A request as the edge hands it on. */
export interface KeyRequest {
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly contentType: string
  /** Of the page, as the browser says; '' when it does not. */
  readonly origin: string
  readonly host: string
  readonly secure: boolean
  readonly sessionKey: string
  /** More than the largest message: it was not read to its end. */
  readonly body: Uint8Array
  /** What our own edge says of the client; tier 1 and '' when nobody says. */
  readonly tier: Tier
  readonly address: string
}

export interface KeyAnswer {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** For the metrics: `opened`, or the code of the refusal; '' when no session was asked for. */
  readonly result: string
}

/** What it answers from. */
export interface KeyDesk {
  config(): Uint8Array
  /** Of the group that sessions of this host are of; undefined while it has no key in force. */
  office(host: string): (SessionOffice & { readonly group: number }) | undefined
  readonly steks: Steks
  readonly revocations: Revocations
  readonly rotation: RotationPolicy
  readonly ticketS: number
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
  /** `LSK1`'s number. */
  readonly suite: number
  readonly previous: { readonly rotateAfter: number; readonly tier: number } | undefined
}

export type KeyRefusal =
  | OpenRefusal
  | 'not_found'
  | 'method'
  | 'bad_type'
  | 'too_large'
  | 'host_unknown'
  | 'foreign_origin'
  | 'ticket_malformed'
  | 'ticket_invalid'
  | 'stek_unknown'
  | 'busy'
  | 'not_ready'

/** Of each: status, and a title for a person. */
export const KEY_REFUSALS: Readonly<Record<KeyRefusal, readonly [number, string]>> = {
  not_found: [404, 'There is no such path'],
  method: [405, 'Not by this method'],
  bad_type: [415, 'The body must be application/limen-lsk'],
  too_large: [413, 'The message is too large'],
  host_unknown: [421, 'This host is not served here'],
  foreign_origin: [403, 'Only pages of this origin may ask'],
  bad_message: [400, 'The message is not understood'],
  bad_init: [400, 'What the message holds is not understood'],
  bad_share: [400, 'No key can be agreed on with this share'],
  suite_refused: [400, 'This suite is not allowed'],
  kid_unknown: [400, 'The key is unknown or past its time: read the configuration again'],
  not_for_us: [400, 'The message was not sealed for this key and origin'],
  clock_skew: [400, 'The clocks are too far apart'],
  device_sig: [401, 'The device key did not sign this'],
  prev_missing: [400, 'A rotation needs its ticket'],
  prev_mac: [401, 'The old key did not sign this'],
  gen_conflict: [409, 'Another tab was first: use its key'],
  expired: [401, 'The session is over'],
  revoked: [401, 'The session was ended'],
  ticket_malformed: [401, 'The ticket is not understood'],
  ticket_invalid: [401, 'The ticket is not authentic'],
  stek_unknown: [401, 'The key of the ticket is gone'],
  busy: [503, 'Too many sessions are being opened'],
  not_ready: [503, 'No key is in force yet'],
}

export const CONTENT_TYPE = { message: 'application/limen-lsk', keys: 'application/limen-keys' }
/** Section 1.1. Far below the day that two keys overlap. */
const KEYS_AGE_S = 3600
/** A fifth of a ticket's life is left to try a rotation again. */
const ROTATE_LATEST_SHARE = 0.8
const RETRY_AFTER_S = 1
const SESSION_KEY_CHARS_MAX = Math.ceil(TICKET_BYTES_MAX / 3) * 4 + 2
const HOST = /^(?:[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/
const NO_BODY = new Uint8Array(0)

/** @param nowMs milliseconds since 1970 */
export function answerKeyRequest(desk: KeyDesk, request: KeyRequest, nowMs: number): KeyAnswer {
  const { method, path } = request
  if (path === `${KEY_PATH}/keys`) {
    if (method !== 'GET' && method !== 'HEAD') return refusal('method', '', { allow: 'GET, HEAD' })
    const body = desk.config()
    const fields = {
      'content-type': CONTENT_TYPE.keys,
      'cache-control': `max-age=${KEYS_AGE_S}`,
      'content-length': String(body.length),
    }
    return { status: 200, fields, body: method === 'HEAD' ? NO_BODY : body, result: '' }
  }
  const isRotate = path === `${KEY_PATH}/rotate`
  if (!isRotate && path !== `${KEY_PATH}/session`) return refusal('not_found', '')
  if (method !== 'POST') return refusal('method', '', { allow: 'POST' })
  return open(desk, request, isRotate, nowMs)
}

function open(desk: KeyDesk, request: KeyRequest, isRotate: boolean, nowMs: number): KeyAnswer {
  const refuse = (code: KeyRefusal) => refusal(code, code)
  const now = Math.floor(nowMs / 1000)
  const { body, tier } = request
  if (!/^application\/limen-lsk *(?:;|$)/i.test(request.contentType)) return refuse('bad_type')
  if (body.length > KEY_MESSAGE_BYTES_MAX) return refuse('too_large')
  // Of each path its own kind: the other would be counted, and limited, as what it is not.
  if (body[4] !== (isRotate ? MESSAGE_TYPE.rotate : MESSAGE_TYPE.init)) return refuse('bad_message')
  const origin = originOf(request)
  if (origin === undefined || !desk.isOurHost(hostOf(origin))) return refuse('host_unknown')
  if (request.origin !== '' && request.origin !== origin) return refuse('foreign_origin')
  const office = desk.office(hostOf(origin))
  if (office === undefined) return refuse('not_ready')
  const ticket = isRotate ? openTicket(desk, request.sessionKey, now) : undefined
  if (typeof ticket === 'string') return refuse(ticket)
  // Who shows a ticket of ours is no stranger: a flood of strangers does not keep it from rotating.
  if (ticket === undefined && !desk.admit(request.address)) return refuse('busy')
  const interval = rotationInterval(desk.rotation, { tier, predictedLoad: undefined })
  const opened = openSession(
    office,
    {
      message: body,
      origin,
      subject: undefined,
      tier,
      rotateS: Math.min(interval.seconds, Math.floor(desk.ticketS * ROTATE_LATEST_SHARE)),
      softBinding: undefined,
      previous: ticket?.contents,
    },
    now,
  )
  ticket?.plain.fill(0)
  if (opened.kind === 'refused') return refuse(opened.code)
  if (!opened.again) tell(desk, opened, office.group, origin, request, ticket?.contents)
  const fields = {
    'content-type': CONTENT_TYPE.message,
    'cache-control': 'no-store',
    'content-length': String(opened.reply.length),
  }
  return { status: 200, fields, body: opened.reply, result: opened.again ? 'repeated' : 'opened' }
}

function tell(
  desk: KeyDesk,
  { session, generation }: Opened & { kind: 'opened' },
  group: number,
  origin: string,
  { tier, body }: KeyRequest,
  previous: TicketContents | undefined,
): void {
  desk.onOpened({
    ...{ id: session, generation, group, origin, tier },
    suite: ((body[8] as number) << 8) | (body[9] as number),
    previous: previous && { rotateAfter: previous.rotateAfter, tier: previous.tier },
  })
}

/** The ticket to rotate, in time and not revoked. The caller zeroes `plain`, of which `contents` holds views. */
function openTicket(
  { steks, revocations }: KeyDesk,
  sessionKey: string,
  now: number,
): { readonly plain: Uint8Array; readonly contents: TicketContents } | KeyRefusal {
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
  const isRevoked = revocations.isRevoked({
    ...{ generation, epoch, openedAt: notBefore, group: sealed.stekId >>> 24 },
    session: steks.encodeUrl(contents.sessionId),
    subject: subject && steks.encodeUrl(subject),
  })
  if (!isRevoked && now < expires) return { plain, contents }
  plain.fill(0)
  return isRevoked ? 'revoked' : 'expired'
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

function refusal(
  code: KeyRefusal,
  result: string,
  more: Readonly<Record<string, string>> = {},
): KeyAnswer {
  const [status, title] = KEY_REFUSALS[code]
  const problem = { type: `urn:limen:err:${code}`, title, status }
  const body = Buffer.from(JSON.stringify(problem))
  const fields = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'content-length': String(body.length),
    'sessionkey-error': code,
    ...(status === 503 ? { 'retry-after': String(RETRY_AFTER_S) } : {}),
    ...more,
  }
  return { status, fields, body, result }
}
