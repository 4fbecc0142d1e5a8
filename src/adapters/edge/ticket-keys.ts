/**
 * Session tickets (RFC 5077, RFC 8446 section 4.6.1) under keys of our own: the newest encrypts, all
 * decrypt, so that rotation costs no resumption; and a resumed session gets a fresh ticket, as RFC 8446
 * appendix C.4 wants (each ticket once) and Node by itself does not do.
 *
 * Node has the callback of OpenSSL for this but no public name for it. Where a Node version lacks it, the
 * newest key alone is set: then a rotation costs one full handshake per client.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto'
import type tls from 'node:tls'

/** Key name 16 | HMAC-SHA-256 key 16 | AES-128-CBC key 16: the layout of Node's `ticketKeys`. */
export const TICKET_KEY_BYTES = 48
const NAME_BYTES = 16
const IV_BYTES = 16
/** IVs are drawn in batches: one call for 256 tickets. */
const IVS_BYTES = 256 * IV_BYTES

/** What OpenSSL's callback may say: refuse (a full handshake follows), use, use and renew. */
const UNKNOWN = 0
const USE = 1
const RENEW = 2

interface NativeContext {
  setTicketKeys(keys: Uint8Array): void
  enableTicketKeyCallback?(): void
  onticketkeycallback?: (name: Uint8Array, iv: Uint8Array, encrypt: boolean) => readonly unknown[]
}

interface TicketKey {
  readonly name: Buffer
  readonly hmac: Buffer
  readonly aes: Buffer
}

/** Keys shared by all contexts of a worker; exchanged as a whole on rotation. */
export class TicketKeys {
  #keys: readonly TicketKey[]
  readonly #ivs = Buffer.alloc(IVS_BYTES)
  #ivAt = IVS_BYTES

  /** @param keys newest first, {@link TICKET_KEY_BYTES} each */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys.map((bytes) => {
      if (bytes.length !== TICKET_KEY_BYTES) {
        throw new RangeError(`Cannot use a ticket key of ${bytes.length} bytes: want 48`)
      }
      const key = Buffer.from(bytes)
      return { name: key.subarray(0, 16), hmac: key.subarray(16, 32), aes: key.subarray(32, 48) }
    })
  }

  /** Makes `context` seal and open its tickets with these keys. */
  serve(context: tls.SecureContext): void {
    const native = context.context as NativeContext
    const [newest] = this.#keys
    if (newest === undefined) return
    if (native.enableTicketKeyCallback === undefined) {
      native.setTicketKeys(Buffer.concat([newest.name, newest.hmac, newest.aes]))
      return
    }
    native.onticketkeycallback = (name, _iv, encrypt) =>
      encrypt ? this.#encrypt(newest) : this.#decrypt(name)
    native.enableTicketKeyCallback()
  }

  #encrypt({ name, hmac, aes }: TicketKey): readonly unknown[] {
    if (this.#ivAt === IVS_BYTES) {
      randomFillSync(this.#ivs)
      this.#ivAt = 0
    }
    const iv = this.#ivs.subarray(this.#ivAt, this.#ivAt + IV_BYTES)
    this.#ivAt += IV_BYTES
    return [USE, hmac, aes, name, iv]
  }

  #decrypt(name: Uint8Array): readonly unknown[] {
    for (const key of this.#keys) {
      // The name is public: it travels in clear in every ticket.
      if (key.name.compare(name, 0, NAME_BYTES) === 0) return [RENEW, key.hmac, key.aes]
    }
    return [UNKNOWN, EMPTY, EMPTY]
  }
}

const EMPTY = Buffer.alloc(16)
