/**
 * The ticket that a `SessionKey` header carries (LSK/1, `docs/wire/session-keys.md`): sealed for the edges, opaque
 * to the client. Layout only; sealing is `adapters/node/`, meaning is `keys/session/`.
 *
 *  0  1  1 (type)                    0  1  1                  24 16  session id
 *  1  4  group u8 | epoch u24        1  1  flags              40 32  request key
 *  5 12  nonce                       2  2  suite              72 32  body key
 * 17     AES-256-GCM ciphertext      4  4  epoch             104     TLVs u16 type | u16 length
 * -16    tag; AAD: the first 5       8  4  generation
 *                                   12  4  not before         all times in seconds since 1970
 *                                   16  4  rotate after
 *                                   20  4  expires
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'
import { writeKeyTlvs } from './key-message.ts'

export const TICKET_AAD_BYTES = 5
export const TICKET_NONCE_BYTES = 12
export const TICKET_TAG_BYTES = 16
const OUTER_BYTES = TICKET_AAD_BYTES + TICKET_NONCE_BYTES + TICKET_TAG_BYTES
const PLAIN_BYTES = 104
/** 200 bytes of TLVs are more than all that are defined take. */
export const TICKET_BYTES_MAX = OUTER_BYTES + PLAIN_BYTES + 200

export const TICKET_FLAG = {
  bodySealing: 1,
  bearer: 2,
  postQuantum: 4,
  strictReplay: 8,
  softBinding: 16,
} as const

const TICKET_TLV = {
  policy: 1,
  subject: 2,
  backend: 3,
  softBinding: 4,
  deviceKey: 5,
  tier: 6,
} as const

/** A ticket as it travels. Views of the bytes read. */
export interface SealedTicket {
  /** Names the sealing key: group << 24 | epoch. */
  readonly stekId: number
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
  readonly aad: Uint8Array
}

/** What an edge knows of a session, from the ticket alone. Times in seconds since 1970. */
export interface TicketContents {
  readonly flags: number
  readonly suite: number
  readonly epoch: number
  readonly generation: number
  readonly notBefore: number
  readonly rotateAfter: number
  readonly expires: number
  readonly sessionId: Uint8Array
  /** Secret: HMAC-SHA-256 key of the request proof. */
  readonly requestKey: Uint8Array
  /** Secret: input key of body sealing. */
  readonly bodyKey: Uint8Array
  readonly policy: number
  /** Pseudonym of who logged in, 16 bytes; undefined when nobody did. */
  readonly subject: Uint8Array | undefined
  /** Hint at the backend that holds the session's state. */
  readonly backend: number | undefined
  readonly softBinding: Uint8Array | undefined
  /** SHA-256 of the device key. */
  readonly deviceKey: Uint8Array
  readonly tier: number
}

/** undefined when it cannot be a ticket of type 1. Never throws. */
export function readSealedTicket(bytes: Uint8Array): SealedTicket | undefined {
  if (bytes.length < OUTER_BYTES + PLAIN_BYTES || bytes.length > TICKET_BYTES_MAX) return undefined
  if (bytes[0] !== 1) return undefined
  const nonceEnd = TICKET_AAD_BYTES + TICKET_NONCE_BYTES
  const tagAt = bytes.length - TICKET_TAG_BYTES
  return {
    stekId: u32(bytes, 1),
    nonce: bytes.subarray(TICKET_AAD_BYTES, nonceEnd),
    ciphertext: bytes.subarray(nonceEnd, tagAt),
    tag: bytes.subarray(tagAt),
    aad: bytes.subarray(0, TICKET_AAD_BYTES),
  }
}

/** What is authenticated in clear: type and sealing key. */
export function ticketAad(stekId: number): Uint8Array {
  return Uint8Array.of(1, stekId >>> 24, (stekId >>> 16) & 255, (stekId >>> 8) & 255, stekId & 255)
}

/** Bytes of the TLVs, by type; policy and device key are always there. */
const TLV_BYTES: readonly (number | undefined)[] = [undefined, 2, 16, 4, 16, 32, 1]
/** Who does not know a TLV of such a type must refuse the ticket. */
const CRITICAL = 0x8000

/**
 * What was sealed, as an edge keeps it: numbers are read once, octets are views of `plain` that are made when they are asked for. A view for each of them
 * would take as much memory as the rest.
 */
export class OpenTicket implements TicketContents {
  readonly flags: number
  readonly suite: number
  readonly epoch: number
  readonly generation: number
  readonly notBefore: number
  readonly rotateAfter: number
  readonly expires: number
  readonly policy: number
  readonly backend: number | undefined
  readonly tier: number
  readonly #plain: Uint8Array
  readonly #deviceKeyAt: number
  /** 0: there is none. */
  readonly #subjectAt: number
  readonly #softBindingAt: number

  /** @param places of the values of TLVs, by type; 0: there is none */
  constructor(plain: Uint8Array, places: readonly number[]) {
    const at = (type: number): number => places[type] as number
    this.flags = plain[1] as number
    this.suite = u16(plain, 2)
    this.epoch = u32(plain, 4)
    this.generation = u32(plain, 8)
    this.notBefore = u32(plain, 12)
    this.rotateAfter = u32(plain, 16)
    this.expires = u32(plain, 20)
    this.policy = u16(plain, at(TICKET_TLV.policy))
    this.backend = at(TICKET_TLV.backend) === 0 ? undefined : u32(plain, at(TICKET_TLV.backend))
    this.tier = at(TICKET_TLV.tier) === 0 ? 1 : (plain[at(TICKET_TLV.tier)] as number)
    this.#plain = plain
    this.#deviceKeyAt = at(TICKET_TLV.deviceKey)
    this.#subjectAt = at(TICKET_TLV.subject)
    this.#softBindingAt = at(TICKET_TLV.softBinding)
  }

  get sessionId(): Uint8Array {
    return this.#plain.subarray(24, 40)
  }

  get requestKey(): Uint8Array {
    return this.#plain.subarray(40, 72)
  }

  get bodyKey(): Uint8Array {
    return this.#plain.subarray(72, PLAIN_BYTES)
  }

  get subject(): Uint8Array | undefined {
    return this.#valueAt(this.#subjectAt, TICKET_TLV.subject)
  }

  get softBinding(): Uint8Array | undefined {
    return this.#valueAt(this.#softBindingAt, TICKET_TLV.softBinding)
  }

  get deviceKey(): Uint8Array {
    const at = this.#deviceKeyAt
    return this.#plain.subarray(at, at + (TLV_BYTES[TICKET_TLV.deviceKey] as number))
  }

  #valueAt(at: number, type: number): Uint8Array | undefined {
    return at === 0 ? undefined : this.#plain.subarray(at, at + (TLV_BYTES[type] as number))
  }
}

/** Reads what was sealed. undefined for anything but a whole one. Never throws. */
export function readOpenTicket(plain: Uint8Array): OpenTicket | undefined {
  if (plain.length < PLAIN_BYTES || plain[0] !== 1) return undefined
  const places = [0, 0, 0, 0, 0, 0, 0]
  let last = -1
  for (let at = PLAIN_BYTES; at < plain.length; ) {
    const type = u16(plain, at)
    const length = u16(plain, at + 2)
    const end = at + 4 + length
    if (type <= last || end > plain.length || type >= CRITICAL) return undefined
    if (length !== (TLV_BYTES[type] ?? length)) return undefined
    if (type < places.length) places[type] = at + 4
    last = type
    at = end
  }
  if (places[TICKET_TLV.policy] === 0 || places[TICKET_TLV.deviceKey] === 0) return undefined
  return new OpenTicket(plain, places)
}

/** The same by itself, with a view of `plain` for each that is octets. */
export function readTicketContents(plain: Uint8Array): TicketContents | undefined {
  const open = readOpenTicket(plain)
  if (open === undefined) return undefined
  const { sessionId, requestKey, bodyKey, subject, softBinding, deviceKey } = open
  return { ...open, sessionId, requestKey, bodyKey, subject, softBinding, deviceKey }
}

/** The bytes to be sealed. They hold secrets: zero them once they are. */
export function writeTicketContents(ticket: TicketContents): Uint8Array {
  const tlvs = new Map<number, Uint8Array>([
    [TICKET_TLV.policy, Uint8Array.of(ticket.policy >> 8, ticket.policy & 255)],
    [TICKET_TLV.deviceKey, ticket.deviceKey],
    [TICKET_TLV.tier, Uint8Array.of(ticket.tier)],
  ])
  if (ticket.subject !== undefined) tlvs.set(TICKET_TLV.subject, ticket.subject)
  if (ticket.backend !== undefined) tlvs.set(TICKET_TLV.backend, fourBytes(ticket.backend))
  if (ticket.softBinding !== undefined) tlvs.set(TICKET_TLV.softBinding, ticket.softBinding)
  const extra = writeKeyTlvs(tlvs)
  const plain = new Uint8Array(PLAIN_BYTES + extra.length)
  plain.set([1, ticket.flags, ticket.suite >> 8, ticket.suite & 255])
  plain.set(fourBytes(ticket.epoch), 4)
  plain.set(fourBytes(ticket.generation), 8)
  plain.set(fourBytes(ticket.notBefore), 12)
  plain.set(fourBytes(ticket.rotateAfter), 16)
  plain.set(fourBytes(ticket.expires), 20)
  plain.set(ticket.sessionId, 24)
  plain.set(ticket.requestKey, 40)
  plain.set(ticket.bodyKey, 72)
  plain.set(extra, PLAIN_BYTES)
  return plain
}

function fourBytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}
