/**
 * The cryptography of session keys at an edge (LSK/1 sections 1.5, 1.6): tickets under AES-256-GCM, request proofs by
 * HMAC-SHA-256, by OpenSSL. Keys that seal are KeyObjects from the moment they come in: importing raw bytes per call
 * costs five times as much. A request's HMAC (RFC 2104) is two one-shot hashes over the padded key: an HMAC object per
 * request costs several times that in a process that does much else.
 *
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
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
const REQUEST_KEY_BYTES = 32
const CIPHER = 'aes-256-gcm'

const BLOCK_BYTES = 64
const HASH_BYTES = 32
/** In base64. */
const MAC_CHARS = 44
/** Longer than what is signed of most requests; others get a buffer of their own. */
const ROOM_BYTES = 4096

/** A request key as HMAC begins with it. Secret. */
export interface RequestKey {
  readonly inner: Uint8Array
  readonly outer: Uint8Array
}

// One request is checked at a time: what is hashed for it is written over by the next.
const room = Buffer.alloc(ROOM_BYTES)
const outerRoom = Buffer.alloc(BLOCK_BYTES + HASH_BYTES)
const made = Buffer.alloc(MAC_CHARS)
const given = Buffer.alloc(MAC_CHARS)

/** Keys that seal tickets, by their id (group << 24 | epoch). */
export class Steks implements SessionCrypto<RequestKey> {
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

  /** @throws RangeError unless it has 32 bytes */
  requestKey(bytes: Uint8Array): RequestKey {
    if (bytes.length !== REQUEST_KEY_BYTES) {
      throw new RangeError(`Cannot use a request key of ${bytes.length} bytes`)
    }
    return { inner: padded(bytes, 0x36), outer: padded(bytes, 0x5c) }
  }

  verify(key: RequestKey, base: string, signature: string): boolean {
    if (signature.length !== MAC_CHARS) return false
    const end = BLOCK_BYTES + base.length
    const whole = end > ROOM_BYTES ? Buffer.alloc(end) : room
    whole.set(key.inner)
    whole.write(base, BLOCK_BYTES, 'latin1')
    outerRoom.set(key.outer)
    outerRoom.write(hash('sha256', whole.subarray(0, end), 'latin1'), BLOCK_BYTES, 'latin1')
    made.write(hash('sha256', outerRoom, 'base64'), 'latin1')
    given.write(signature, 'latin1')
    return timingSafeEqual(made, given)
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

function padded(key: Uint8Array, pad: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES).fill(pad)
  for (let i = 0; i < key.length; i++) block[i] = (key[i] as number) ^ pad
  return block
}
