/**
 * Session tickets (RFC 5077, RFC 8446 section 4.6.1) under keys of our own: the newest encrypts, all
 * decrypt, so that rotation costs no resumption; and a resumed session gets a fresh ticket, as RFC 8446
 * appendix C.4 wants (each ticket once) and Node by itself does not do. A ticket also says who it was made for
 * (`ticket-lineage.ts`).
 *
 * Node has the callback of OpenSSL for this but no public name for it. Where a Node version lacks it, the
 * newest key alone is set: then a rotation costs one full handshake per client, and tickets name nobody.
 *
 * A ticket as OpenSSL makes it (`ssl/statem/statem_srvr.c`, as RFC 5077 section 4 recommends, but for the
 * length before the state, which it leaves out):
 *
 *    0  16  name of the key
 *   16  16  IV
 *   32   n  state, AES-128-CBC
 * 32+n  32  HMAC-SHA-256 over all before
 *
 * @module
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type tls from 'node:tls'
import { IV_BYTES, TicketLineage } from './ticket-lineage.ts'

/** Key name 16 | HMAC-SHA-256 key 16 | AES-128-CBC key 16: the layout of Node's `ticketKeys`. */
export const TICKET_KEY_BYTES = 48
const NAME_BYTES = 16
const MAC_BYTES = 32
const BLOCK_BYTES = 16
const HEAD_BYTES = NAME_BYTES + IV_BYTES
/** Ours have a few hundred octets: no client certificates in them, and names of 255 octets at most. */
const TICKET_BYTES_MAX = 2048

/** What OpenSSL's callback may say: refuse (no ticket, or a full handshake), use, use and renew. */
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
  readonly mac: KeyObject
  readonly lineage: TicketLineage
}

/** Whom the tickets of a context are made for. */
export interface TicketHolder {
  /** Id of a profile, '' when it is not known. */
  readonly profile: string
}

/** Keys shared by all contexts of a worker; exchanged as a whole on rotation. */
export class TicketKeys {
  readonly #keys: readonly TicketKey[]
  /** Set once a context could be served by the callback. */
  #areNamed = false

  /** @param keys newest first, {@link TICKET_KEY_BYTES} each */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys.map((bytes) => {
      if (bytes.length !== TICKET_KEY_BYTES) {
        throw new RangeError(`Cannot use a ticket key of ${bytes.length} bytes: want 48`)
      }
      const key = Buffer.from(bytes)
      const hmac = key.subarray(16, 32)
      return {
        name: key.subarray(0, 16),
        hmac,
        aes: key.subarray(32, 48),
        mac: createSecretKey(hmac),
        lineage: new TicketLineage(key),
      }
    })
  }

  /** Makes `context` seal and open its tickets with these keys; each names the holder of that moment. */
  serve(context: tls.SecureContext, holder: TicketHolder): void {
    const native = context.context as NativeContext
    const [newest] = this.#keys
    if (newest === undefined) return
    if (native.enableTicketKeyCallback === undefined) {
      native.setTicketKeys(Buffer.concat([newest.name, newest.hmac, newest.aes]))
      return
    }
    this.#areNamed = true
    native.onticketkeycallback = (name, _iv, encrypt) =>
      encrypt ? this.#encrypt(newest, holder.profile) : this.#decrypt(name)
    native.enableTicketKeyCallback()
  }

  /**
   * Whom `ticket` was made for: undefined when it is not one of ours, was changed on its way, or names nobody.
   * Never throws, whatever the octets.
   */
  lineageOf(ticket: Uint8Array): string | undefined {
    const state = ticket.length - HEAD_BYTES - MAC_BYTES
    if (state < BLOCK_BYTES || state % BLOCK_BYTES !== 0) return undefined
    if (ticket.length > TICKET_BYTES_MAX || !this.#areNamed) return undefined
    const key = this.#named(ticket)
    if (key === undefined) return undefined
    const sealed = ticket.length - MAC_BYTES
    const mac = createHmac('sha256', key.mac).update(ticket.subarray(0, sealed)).digest()
    if (!timingSafeEqual(mac, ticket.subarray(sealed))) return undefined
    return key.lineage.profileIn(ticket.subarray(NAME_BYTES, HEAD_BYTES))
  }

  #encrypt({ name, hmac, aes, lineage }: TicketKey, profile: string): readonly unknown[] {
    return [USE, hmac, aes, name, lineage.ivFor(profile)]
  }

  #decrypt(name: Uint8Array): readonly unknown[] {
    const key = this.#named(name)
    return key === undefined ? [UNKNOWN, EMPTY, EMPTY] : [RENEW, key.hmac, key.aes]
  }

  /** The key that `ticket` begins with the name of. That is public: it travels in clear in every ticket. */
  #named(ticket: Uint8Array): TicketKey | undefined {
    return this.#keys.find(({ name }) => name.compare(ticket, 0, NAME_BYTES) === 0)
  }
}

/** Makes `context` issue no tickets and open none: every handshake is a full one. */
export function withoutTickets(context: tls.SecureContext): void {
  const native = context.context as NativeContext
  native.onticketkeycallback = () => [UNKNOWN, EMPTY, EMPTY, EMPTY, EMPTY]
  native.enableTicketKeyCallback?.()
}

const EMPTY = Buffer.alloc(16)
