/**
 * The key server's half of LSK/1: opens a session under a fresh key, or rotates one to its next generation. What it knows
 * of a session comes with the request, in the ticket; what it remembers is the latest generation, so that a
 * key is followed once, and the replies of a moment ago, so that a lost one can be had again.
 *
 * Not here: tickets at the edge (`keys/session/validate-request.ts`), when to rotate (`rotation-policy.ts`).
 *
 * @module
 */
import { joinOctets } from '../ground/octets.ts'
import type { Random } from '../ground/random.ts'
import {
  chainSigned,
  deviceSigned,
  keyInfo,
  originInfo,
  previousSigned,
  transcript,
  u32Bytes,
} from '../keys/session/key-schedule.ts'
import type { KeyAgreement } from '../ports/key-agreement.ts'
import {
  type ClientInit,
  type KeyMessage,
  MESSAGE_TYPE,
  readClientInit,
  readKeyMessage,
  SERVER_TLV,
  SUITE,
  type Suite,
  writeKeyHeader,
  writeKeyTlvs,
} from '../wire/key-message.ts'
import { TICKET_FLAG, type TicketContents } from '../wire/session-ticket.ts'
import type { SessionGenerations } from './session-generations.ts'

/** Why no session was opened or rotated. Stable: clients switch on it. */
export type OpenRefusal =
  | 'bad_message'
  | 'kid_unknown'
  | 'suite_refused'
  | 'not_for_us'
  | 'bad_init'
  | 'clock_skew'
  | 'device_sig'
  | 'bad_share'
  | 'prev_missing'
  | 'prev_mac'
  | 'gen_conflict'
  | 'expired'
  | 'revoked'
  | 'auth_unexpected'
  | 'auth_invalid'

export type Opened =
  | {
      readonly kind: 'opened'
      readonly reply: Uint8Array
      readonly session: string
      readonly generation: number
      /** Sealed, as in the reply. */
      readonly ticket: Uint8Array
      /** The reply of a moment ago, once more. */
      readonly again: boolean
    }
  | { readonly kind: 'refused'; readonly code: OpenRefusal }

/** Everything is good but for who the client says has logged in: to be looked at, which takes time. */
export interface LoginShown {
  readonly kind: 'login'
  /** What the application signed (`AUTH`), as the client sealed it. */
  readonly proof: Uint8Array
  /** @param subject pseudonym of who it is, 16 bytes; undefined: the proof is not good */
  finish(subject: Uint8Array | undefined): Opened
}

export interface SessionPolicy {
  /** Suites a session may be opened with. */
  readonly suites: ReadonlySet<Suite>
  readonly ticketS: number
  readonly policyId: number
  readonly flags: number
  /** May clients say who logged in? */
  readonly login?: boolean
}

/** What the key server works with. */
export interface SessionOffice {
  readonly agreement: KeyAgreement
  readonly random: Random
  readonly policy: SessionPolicy
  /** Seals under the active key of the session's group. */
  seal(contents: TicketContents): Uint8Array
  /** The epoch sealed under now. */
  epoch(): number
  encodeUrl(bytes: Uint8Array): string
  readonly sessions: SessionGenerations
  /** Was the session told to have gone on from this generation, also before a restart? */
  isFollowed(session: string, generation: number): boolean
}

/** What is known of who asks. */
export interface OpenRequest {
  readonly message: Uint8Array
  /** ASCII serialised origin of the page, e.g. `https://shop.test`. */
  readonly origin: string
  /** Pseudonym of who logged in, 16 bytes. */
  readonly subject: Uint8Array | undefined
  readonly tier: 1 | 2 | 3
  /** Seconds until the key should rotate. */
  readonly rotateS: number
  readonly softBinding: Uint8Array | undefined
  /** Of a rotate: the ticket's contents, opened, in time and not revoked. */
  readonly previous: TicketContents | undefined
}

/** A client's clock may be this wrong, in seconds. */
const CLOCK_SKEW_S = 300
/** Tickets are good from a little before they are made: clocks of edges differ. */
const NOT_BEFORE_S = 5
const REPLY_KEY_BYTES = 16
const REPLY_NONCE_BYTES = 12
const FLAG_POST_QUANTUM = TICKET_FLAG.postQuantum
const FLAG_SOFT_BINDING = TICKET_FLAG.softBinding

/** @param now seconds since 1970 */
export function openSession(
  office: SessionOffice,
  request: OpenRequest,
  now: number,
): Opened | LoginShown {
  const read = readKeyMessage(request.message)
  if (read.kind === 'malformed') return refused('bad_message')
  const { message } = read
  const isRotate = message.type === MESSAGE_TYPE.rotate
  if (!isRotate && message.type !== MESSAGE_TYPE.init) return refused('bad_message')
  const { agreement, sessions } = office
  const messageHash = agreement.hash(request.message)
  const name = office.encodeUrl(messageHash)
  const before = sessions.replyTo(name, now)
  if (before !== undefined) return { ...before, kind: 'opened', again: true }
  if (!office.policy.suites.has(message.suite)) return refused('suite_refused')
  const info = originInfo(request.origin, isRotate ? 'rotate' : 'init')
  const init = { enc: message.field, header: message.header, sealed: message.sealed }
  const opened = agreement.openInit(message.keyId, init, info, now)
  if (opened === 'unknown') return refused('kid_unknown')
  if (opened === undefined) return refused('not_for_us')
  const client = readClientInit(opened.plain, message.suite)
  if (client.kind === 'malformed') return refused('bad_init')
  const code =
    checkClient(office, message, client.init, now) ??
    (isRotate ? checkPrevious(office, message, client.init, request.previous, now) : undefined)
  if (code !== undefined) return refused(code)
  const { init: shown } = client
  const finish = (subject: Uint8Array | undefined): Opened =>
    answer(office, { ...request, subject }, message, shown, opened.exporter, name, now)
  if (shown.auth === undefined) return finish(request.subject)
  if (office.policy.login !== true) return refused('auth_unexpected')
  const previous = isRotate ? request.previous : undefined
  return {
    kind: 'login',
    proof: shown.auth,
    finish(subject) {
      // Nobody becomes somebody else within a session.
      const isOther = previous?.subject !== undefined && !sameSubject(agreement, previous, subject)
      if (subject === undefined || isOther) return refused('auth_invalid')
      // While the proof was looked at the same message, or another tab's, may have come first.
      const meanwhile = sessions.replyTo(name, now)
      if (meanwhile !== undefined) return { ...meanwhile, kind: 'opened', again: true }
      return previous !== undefined && isFollowed(office, previous)
        ? refused('gen_conflict')
        : finish(subject)
    },
  }
}

function sameSubject(
  agreement: KeyAgreement,
  previous: TicketContents,
  subject: Uint8Array | undefined,
): boolean {
  return (
    subject !== undefined &&
    previous.subject !== undefined &&
    agreement.equal(previous.subject, subject)
  )
}

function checkClient(
  { agreement }: SessionOffice,
  message: KeyMessage,
  init: ClientInit,
  now: number,
): OpenRefusal | undefined {
  if (Math.abs(init.time / 1000 - now) > CLOCK_SKEW_S) return 'clock_skew'
  const signed = deviceSigned(agreement.hash(message.header, init.signed))
  return agreement.verifyDevice(init.deviceKey, signed, init.deviceSignature)
    ? undefined
    : 'device_sig'
}

/** Whoever rotates shows the old request key and the device key the session was opened with. */
function checkPrevious(
  office: SessionOffice,
  message: KeyMessage,
  init: ClientInit,
  previous: TicketContents | undefined,
  now: number,
): OpenRefusal | undefined {
  const { agreement } = office
  const shown = init.previous
  if (shown === undefined || previous === undefined) return 'prev_missing'
  if (previous.expires <= now) return 'expired'
  const ours = agreement.equal(shown.sessionId, previous.sessionId)
  if (!ours || shown.generation !== previous.generation) return 'prev_mac'
  const shares = agreement.hash(message.header, init.share, init.mlKemKey ?? new Uint8Array(0))
  const mac = agreement.hmac(previous.requestKey, previousSigned(shares))
  if (!agreement.equal(mac, shown.mac)) return 'prev_mac'
  if (!agreement.equal(agreement.hash(init.deviceKey), previous.deviceKey)) return 'device_sig'
  return isFollowed(office, previous) ? 'gen_conflict' : undefined
}

/** Has the session gone on to a later generation? */
function isFollowed(office: SessionOffice, previous: TicketContents): boolean {
  const session = office.encodeUrl(previous.sessionId)
  const latest = office.sessions.latest(session)
  if (latest !== undefined && latest > previous.generation) return true
  // What is remembered here is forgotten by a restart, and when there is too much.
  return office.isFollowed(session, previous.generation)
}

function answer(
  office: SessionOffice,
  request: OpenRequest,
  message: KeyMessage,
  init: ClientInit,
  exporter: Uint8Array,
  name: string,
  now: number,
): Opened {
  const { agreement, policy, random, sessions } = office
  const agreed = agreement.agree(message.suite, init.share, init.mlKemKey)
  if (agreed === undefined) return refused('bad_share')
  const isRotate = message.type === MESSAGE_TYPE.rotate
  const type = isRotate ? MESSAGE_TYPE.rotateReply : MESSAGE_TYPE.initReply
  const header = writeKeyHeader(type, message.keyId, message.suite, agreed.field)
  const th = agreement.hash(transcript(request.message, header))
  let salt = exporter
  if (agreed.mlKem !== undefined) {
    salt = agreement.hkdf(agreed.mlKem, salt, (expand) => expand(keyInfo('pq', th), 32))
  }
  const previous = isRotate ? request.previous : undefined
  if (previous !== undefined) {
    salt = agreement.hash(salt, agreement.hmac(previous.requestKey, chainSigned(th)))
  }
  const { requestKey, bodyKey, replyKey } = agreement.hkdf(agreed.dh, salt, (expand) => ({
    requestKey: expand(keyInfo('req', th), 32),
    bodyKey: expand(keyInfo('body', th), 32),
    replyKey: expand(keyInfo('resp', th), REPLY_KEY_BYTES + REPLY_NONCE_BYTES),
  }))
  const sessionId = previous?.sessionId ?? random.bytes(16)
  const generation = previous === undefined ? 1 : previous.generation + 1
  const contents: TicketContents = {
    flags:
      policy.flags |
      (message.suite === SUITE.x25519MlKem768 ? FLAG_POST_QUANTUM : 0) |
      (request.softBinding === undefined ? 0 : FLAG_SOFT_BINDING),
    suite: message.suite,
    epoch: office.epoch(),
    generation,
    notBefore: now - NOT_BEFORE_S,
    rotateAfter: now + request.rotateS,
    expires: now + policy.ticketS,
    sessionId,
    requestKey,
    bodyKey,
    policy: policy.policyId,
    subject: previous?.subject ?? request.subject,
    backend: previous?.backend,
    softBinding: request.softBinding,
    deviceKey: agreement.hash(init.deviceKey),
    tier: request.tier,
  }
  const ticket = office.seal(contents)
  const plain = writeKeyTlvs(
    new Map([
      [SERVER_TLV.policy, Uint8Array.of(policy.policyId >> 8, policy.policyId & 255)],
      [SERVER_TLV.ticket, ticket],
      [SERVER_TLV.sessionId, sessionId],
      [SERVER_TLV.epoch, u32Bytes(contents.epoch)],
      [SERVER_TLV.generation, u32Bytes(generation)],
      [SERVER_TLV.notBefore, u32Bytes(contents.notBefore)],
      [SERVER_TLV.rotateAfter, u32Bytes(contents.rotateAfter)],
      [SERVER_TLV.expires, u32Bytes(contents.expires)],
    ]),
  )
  const key = replyKey.subarray(0, REPLY_KEY_BYTES)
  const sealed = agreement.seal(key, replyKey.subarray(REPLY_KEY_BYTES), th, plain)
  for (const secret of [requestKey, bodyKey, replyKey, agreed.dh]) secret.fill(0)
  const session = office.encodeUrl(sessionId)
  const reply = { reply: joinOctets(header, sealed), session, generation, ticket }
  sessions.remember(name, reply, contents.expires, now)
  return { ...reply, kind: 'opened', again: false }
}

function refused(code: OpenRefusal): Opened {
  return { kind: 'refused', code }
}
