/**
 * The cryptography of session keys at an edge (LSK/1 sections 1.5, 1.6): tickets under AES-256-GCM, request proofs by
 * HMAC-SHA-256, by OpenSSL. Keys are KeyObjects from the moment they come in: importing raw bytes per call
 * costs five times as much.
 *
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import type { Random } from '../../ground/random.ts'
import type { SessionCrypto } from '../../keys/session/validate-request.ts'
import {
  type SealedTicket,
  TICKET_NONCE_BYTES,
  TICKET_TAG_BYTES,
  type TicketContents,
  ticketAad,
  writeTicketContents,
} from '../../wire/session-ticket.ts'

const STEK_BYTES = 32
const CIPHER = 'aes-256-gcm'

/** Keys that seal tickets, by their id (group << 24 | epoch). */
export class Steks implements SessionCrypto<KeyObject> {
  readonly #keys = new Map<number, KeyObject>()

  /** Takes a key; the caller zeroes `bytes`. @throws RangeError unless it has 32 bytes */
  add(stekId: number, bytes: Uint8Array): void {
    if (bytes.length !== STEK_BYTES) {
      throw new RangeError(`Cannot use a sealing key of ${bytes.length} bytes: want ${STEK_BYTES}`)
    }
    this.#keys.set(stekId, createSecretKey(bytes))
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
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(aad)
    const sealed = [cipher.update(plain), cipher.final(), cipher.getAuthTag()]
    plain.fill(0)
    return Buffer.concat([aad, nonce, ...sealed])
  }

  openTicket({
    stekId,
    nonce,
    ciphertext,
    tag,
    aad,
  }: SealedTicket): Uint8Array | 'unknown' | undefined {
    const key = this.#keys.get(stekId)
    if (key === undefined) return 'unknown'
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TICKET_TAG_BYTES })
    decipher.setAAD(aad).setAuthTag(tag)
    const plain = decipher.update(ciphertext)
    try {
      decipher.final()
      return plain
    } catch {
      plain.fill(0)
      return undefined
    }
  }

  requestKey(bytes: Uint8Array): KeyObject {
    return createSecretKey(bytes)
  }

  verify(key: KeyObject, base: string, signature: string): boolean {
    const mac = createHmac('sha256', key).update(base).digest()
    const given = Buffer.from(signature, 'base64')
    return given.length === mac.length && timingSafeEqual(mac, given)
  }

  decode(base64: string): Uint8Array | undefined {
    const bytes = Buffer.from(base64, 'base64')
    // Node skips what is no base64: only the one spelling of these bytes is taken.
    return bytes.toString('base64') === base64 ? bytes : undefined
  }

  encodeUrl(bytes: Uint8Array): string {
    return Buffer.from(bytes).toString('base64url')
  }
}
