/**
 * The cryptography of session keys at an edge (LSK/1 sections 1.5, 1.6): tickets under AES-256-GCM (`ticket-gcm.ts`), request proofs by HMAC-SHA-256
 * (`hmac.ts`).
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import type { SessionCrypto } from '../../keys/session/validate-request.ts'
import {
  type SealedTicket,
  TICKET_NONCE_BYTES,
  type TicketContents,
  ticketAad,
  writeTicketContents,
} from '../../wire/session-ticket.ts'
import { type HmacKey, hmacKey, isHmacOf } from './hmac.ts'
import { TicketGcm } from './ticket-gcm.ts'

const STEK_BYTES = 32
const REQUEST_KEY_BYTES = 32

/** More than a ticket has; what is longer gets a buffer of its own. */
const DECODE_CHARS_MAX = 1024
// One ticket is looked at at a time.
const decodeRoom = Buffer.alloc(DECODE_CHARS_MAX)

/** A request key as HMAC begins with it. Secret. */
export type RequestKey = HmacKey

/** Keys that seal tickets, by their id (group << 24 | epoch). */
export class Steks implements SessionCrypto<RequestKey> {
  readonly #keys = new Map<number, TicketGcm>()

  /** Takes a key; the caller zeroes `bytes`. @throws RangeError unless it has 32 bytes */
  add(stekId: number, bytes: Uint8Array): void {
    if (bytes.length !== STEK_BYTES) {
      throw new RangeError(`Cannot use a sealing key of ${bytes.length} bytes: want ${STEK_BYTES}`)
    }
    this.#keys.set(stekId, new TicketGcm(bytes))
  }

  has(stekId: number): boolean {
    return this.#keys.has(stekId)
  }

  ids(): number[] {
    return [...this.#keys.keys()]
  }

  destroy(stekId: number): void {
    this.#keys.delete(stekId)
  }

  /** @throws RangeError when there is no such key */
  sealTicket(stekId: number, contents: TicketContents, random: Random): Buffer {
    const key = this.#keys.get(stekId)
    if (key === undefined) throw new RangeError(`Cannot seal under ${stekId}: no such key`)
    const plain = writeTicketContents(contents)
    const aad = ticketAad(stekId)
    const nonce = random.bytes(TICKET_NONCE_BYTES)
    const sealed = key.seal(nonce, aad, plain)
    plain.fill(0)
    return Buffer.concat([aad, nonce, sealed])
  }

  openTicket(ticket: SealedTicket): Uint8Array | 'unknown' | undefined {
    const key = this.#keys.get(ticket.stekId)
    if (key === undefined) return 'unknown'
    return key.open(ticket.nonce, ticket.aad, ticket.ciphertext, ticket.tag)
  }

  /** @throws RangeError unless it has 32 bytes */
  requestKey(bytes: Uint8Array): RequestKey {
    if (bytes.length !== REQUEST_KEY_BYTES) {
      throw new RangeError(`Cannot use a request key of ${bytes.length} bytes`)
    }
    return hmacKey(bytes)
  }

  verify(key: RequestKey, base: string, signature: string): boolean {
    return isHmacOf(key, base, signature)
  }

  decode(base64: string): Uint8Array | undefined {
    const { length } = base64
    const room = length > DECODE_CHARS_MAX ? Buffer.alloc(length) : decodeRoom
    const end = room.write(base64, 'base64')
    // Node skips what is no base64: only the one spelling of these bytes is taken.
    return room.toString('base64', 0, end) === base64 ? room.subarray(0, end) : undefined
  }

  encodeUrl({ buffer, byteOffset, length }: Uint8Array): string {
    return Buffer.from(buffer, byteOffset, length).toString('base64url')
  }
}
