/**
 * Is this request made under a session key, by who holds it, now, once? The order of the checks is part of
 * LSK/1 (section 1.5): what is cheap and public comes first, nothing is remembered of a request that is not
 * authentic. Cryptography and time are passed in.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import {
  type ProofParameters,
  type ProvenRequest,
  proofBase,
  readProofParameters,
  readProofSignature,
} from '../../wire/session-proof.ts'
import {
  readOpenTicket,
  readSealedTicket,
  type SealedTicket,
  TICKET_BYTES_MAX,
  TICKET_FLAG,
  type TicketContents,
} from '../../wire/session-ticket.ts'
import { PROOF_AGE_S, PROOF_AHEAD_S, ReplayWindow } from './replay-window.ts'
import type { Revocations } from './revocations.ts'

/** Why a request is refused. Stable: clients switch on it. */
export type ProofRefusal =
  | 'sig_params'
  | 'sig_stale'
  | 'ticket_malformed'
  | 'stek_unknown'
  | 'ticket_invalid'
  | 'not_yet'
  | 'expired'
  | 'ticket_group'
  | 'revoked'
  | 'superseded'
  | 'feed_silent'
  | 'keyid'
  | 'digest_missing'
  | 'sig_invalid'
  | 'replay'
  | 'replay_window_full'
  | 'bearer_refused'

/** The cryptography of an edge. */
export interface SessionCrypto<Key> {
  /** `unknown`: no such sealing key here; undefined: not authentic. Octets of their own: the caller keeps them. */
  openTicket(ticket: SealedTicket): Uint8Array | 'unknown' | undefined
  /** Imports a request key; the caller zeroes the bytes. */
  requestKey(bytes: Uint8Array): Key
  /** HMAC-SHA-256 of `base` equals `signature` (base64)? In constant time. */
  verify(key: Key, base: string, signature: string): boolean
  /** Bytes of canonical base64, undefined for anything else. They may be written over by the next. */
  decode(base64: string): Uint8Array | undefined
  encodeUrl(bytes: Uint8Array): string
}

/** A session as an edge knows it, from its ticket. */
export interface KnownSession<Key> {
  readonly ticket: Omit<TicketContents, 'requestKey'>
  /** base64url. */
  readonly id: string
  readonly subject: string | undefined
  readonly group: number
  readonly key: Key
}

/** What comes with a request that is said to be made under a session key. */
export interface ProofSeen {
  /** `Signature-Input` and `Signature`, as they came. */
  readonly input: string
  readonly signature: string
  readonly needsDigest: boolean
  /** Of the host that is asked; undefined: any will do. */
  readonly group?: number | undefined
}

export type Validation<Key> =
  | { readonly kind: 'valid'; readonly session: KnownSession<Key>; readonly proof: ProofParameters }
  | { readonly kind: 'refused'; readonly code: ProofRefusal; readonly session?: KnownSession<Key> }

export interface ValidatorOptions {
  /** Tickets kept open: about 700 bytes each. */
  readonly ticketsMax: number
  /** Proofs remembered per half window, 16 to 32 bytes each. */
  readonly proofsMax: number
  /** What to do while the feed of revocations is silent. */
  readonly onFeedSilent: 'open' | 'closed'
}

export const VALIDATOR_DEFAULTS: ValidatorOptions = {
  // 70 MB at most; a worker that sees more live sessions opens tickets again, at twice the price.
  ticketsMax: 100_000,
  // A worker answers 20 000 requests a second at most, for 35 seconds.
  proofsMax: 700_000,
  onFeedSilent: 'open',
}

interface OpenTicket<Key> {
  /** The header as it came. */
  readonly sessionKey: string
  readonly session: KnownSession<Key>
}

/** Of base64, before its padding and the colon: 60 bits of the tag. */
const END_CHARS = 10
const END_SKIPPED_CHARS = 3
const SESSION_KEY_CHARS_MAX = Math.ceil(TICKET_BYTES_MAX / 3) * 4 + 2
/** Characters of a session's id in `keyid`. */
const KEY_ID_CHARS = 11

export class Validator<Key> {
  readonly #crypto: SessionCrypto<Key>
  readonly #revocations: Revocations
  readonly #ticketsMax: number
  /** What to do while the feed of revocations is silent; may change while it serves. */
  onFeedSilent: ValidatorOptions['onFeedSilent']
  /** Called with each ticket that is opened and was not open, by the field as it came. */
  onOpened: (sessionKey: string, session: KnownSession<Key>) => void = () => {}
  readonly #replay: ReplayWindow
  /** By {@link endOf} the header as it came; from half its size on the least recently used first. */
  readonly #tickets = new Map<number, OpenTicket<Key>>()

  constructor(
    crypto: SessionCrypto<Key>,
    revocations: Revocations,
    random: Random,
    options: ValidatorOptions = VALIDATOR_DEFAULTS,
  ) {
    this.#crypto = crypto
    this.#revocations = revocations
    this.#ticketsMax = options.ticketsMax
    this.onFeedSilent = options.onFeedSilent
    this.#replay = new ReplayWindow(options.proofsMax, random)
  }

  get tickets(): number {
    return this.#tickets.size
  }

  /** @param now seconds since 1970, may have a fraction */
  validate(request: ProvenRequest, proof: ProofSeen, now: number): Validation<Key> {
    const parameters = readProofParameters(proof.input)
    const signature = readProofSignature(proof.signature)
    if (parameters === undefined || signature === undefined) return refused('sig_params')
    const { created } = parameters
    if (created < now - PROOF_AGE_S || created > now + PROOF_AHEAD_S) return refused('sig_stale')
    const session = this.open(request.sessionKey)
    if (typeof session === 'string') return refused(session)
    const standing = this.standing(session, now, proof.group)
    if (standing !== undefined) return refused(standing, session)
    if (parameters.keyId !== session.id.slice(0, KEY_ID_CHARS)) return refused('keyid', session)
    if (proof.needsDigest && !parameters.coversDigest) return refused('digest_missing', session)
    if (parameters.coversDigest && request.contentDigest === undefined) {
      return refused('digest_missing', session)
    }
    if (!this.#crypto.verify(session.key, proofBase(request, parameters), signature)) {
      return refused('sig_invalid', session)
    }
    const met = this.#replay.meet(`${session.id}${parameters.nonce}`, now)
    if (met === 'replay') return refused('replay', session)
    if (met === 'full') return refused('replay_window_full', session)
    return { kind: 'valid', session, proof: parameters }
  }

  /**
   * The session of a ticket that is shown without a proof: whoever has it is believed, where it says so itself.
   *
   * @param group of the host that is asked; undefined: any will do
   */
  bearer(
    sessionKey: string,
    group: number | undefined,
    now: number,
  ): KnownSession<Key> | ProofRefusal {
    const session = this.open(sessionKey)
    if (typeof session === 'string') return session
    const standing = this.standing(session, now, group)
    if (standing !== undefined) return standing
    return (session.ticket.flags & TICKET_FLAG.bearer) === 0 ? 'bearer_refused' : session
  }

  /** A proof that was shown elsewhere: it is none here any more. @param proof session id and nonce, as they are */
  remember(proof: string, now: number): void {
    this.#replay.meet(proof, now)
  }

  /** The session of a `SessionKey` field; time and revocation are not looked at. */
  open(sessionKey: string): KnownSession<Key> | ProofRefusal {
    const end = endOf(sessionKey)
    const known = this.#tickets.get(end)
    if (known?.sessionKey === sessionKey) {
      // While there is much room nothing is about to fall out: its place need not be kept.
      if (this.#tickets.size * 2 > this.#ticketsMax) {
        this.#tickets.delete(end)
        this.#tickets.set(end, known)
      }
      return known.session
    }
    const opened = this.#openNew(sessionKey)
    if (typeof opened === 'string') return opened
    if (this.#tickets.size >= this.#ticketsMax) {
      this.#tickets.delete(this.#tickets.keys().next().value ?? 0)
    }
    this.#tickets.set(end, { sessionKey, session: opened })
    this.onOpened(sessionKey, opened)
    return opened
  }

  /** Why a session may not be used now, if so. @param expected its group should be this */
  standing(session: KnownSession<Key>, now: number, expected?: number): ProofRefusal | undefined {
    const { ticket, group } = session
    if (now < ticket.notBefore) return 'not_yet'
    if (now >= ticket.expires) return 'expired'
    if (expected !== undefined && group !== expected) return 'ticket_group'
    if (this.onFeedSilent === 'closed' && this.#revocations.isSilent(now)) {
      return 'feed_silent'
    }
    const about = ticketOf(session)
    if (this.#revocations.isRevoked(about)) return 'revoked'
    return this.#revocations.isSuperseded(about, now) ? 'superseded' : undefined
  }

  /** Was it ended? Time and generations are not looked at. */
  isRevoked(session: KnownSession<Key>): boolean {
    return this.#revocations.isRevoked(ticketOf(session))
  }

  /** A sealing key is gone, or everything is to be looked at anew. */
  forget(stekIds?: ReadonlySet<number>): void {
    for (const [end, { session }] of this.#tickets) {
      const stekId = ((session.group << 24) | session.ticket.epoch) >>> 0
      if (stekIds === undefined || stekIds.has(stekId)) this.#tickets.delete(end)
    }
  }

  #openNew(sessionKey: string): KnownSession<Key> | ProofRefusal {
    const inColons = sessionKey.startsWith(':') && sessionKey.endsWith(':')
    if (!inColons || sessionKey.length > SESSION_KEY_CHARS_MAX) return 'ticket_malformed'
    const bytes = this.#crypto.decode(sessionKey.slice(1, -1))
    const sealed = bytes === undefined ? undefined : readSealedTicket(bytes)
    if (sealed === undefined) return 'ticket_malformed'
    const plain = this.#crypto.openTicket(sealed)
    if (plain === 'unknown') return 'stek_unknown'
    const ticket = plain === undefined ? undefined : readOpenTicket(plain)
    if (ticket === undefined) return 'ticket_invalid'
    const { requestKey, subject } = ticket
    const key = this.#crypto.requestKey(requestKey)
    // Of `plain`, which lives on without it.
    requestKey.fill(0)
    return {
      ticket,
      id: this.#crypto.encodeUrl(ticket.sessionId),
      subject: subject && this.#crypto.encodeUrl(subject),
      group: sealed.stekId >>> 24,
      key,
    }
  }
}

/** What revocations are about. */
function ticketOf({ ticket, id, subject, group }: KnownSession<unknown>) {
  const { generation, epoch, notBefore } = ticket
  return { session: id, generation, subject, openedAt: notBefore, group, epoch }
}

/**
 * A number of the end of a ticket, whose tag no client chooses: only authentic ones are kept, and of two that end alike the
 * later. A number, because a Map looks for each new string among all strings of the process.
 */
function endOf(sessionKey: string): number {
  const to = sessionKey.length - END_SKIPPED_CHARS
  let end = 0
  for (let at = to - END_CHARS; at < to; at++)
    end = (Math.imul(end, 31) + sessionKey.charCodeAt(at)) | 0
  return end
}

function refused<Key>(code: ProofRefusal, session?: KnownSession<Key>): Validation<Key> {
  return session === undefined ? { kind: 'refused', code } : { kind: 'refused', code, session }
}
