/**
 * TLS contexts that are lent to one handshake at a time, so that the tickets made in one are known to be made
 * for that client (`ticket-keys.ts`): OpenSSL asks for a ticket's IV by context, not by connection.
 *
 * A context costs 28 KB and 0.3 ms once (measured 2026-11-21, Node 26.10), so there are as many as handshakes
 * were ever under way at once, up to a bound. Beyond it handshakes share one whose tickets name nobody: they
 * resume all the same.
 *
 * @module
 */
import type tls from 'node:tls'
import type { TicketHolder } from './ticket-keys.ts'

/** Per certificate and lowest version: 3.6 MB at most. */
export const SLOTS_MAX = 128

/** One handshake's context, to be given back when the handshake is over. */
export interface Lease {
  readonly secureContext: tls.SecureContext
  /** Any number of times. */
  giveBack(): void
}

interface Slot {
  readonly secureContext: tls.SecureContext
  readonly holder: { profile: string }
}

export class TlsSlots {
  readonly #make: (holder: TicketHolder) => tls.SecureContext
  readonly #max: number
  readonly #free: Slot[] = []
  readonly #shared: Slot
  #made = 0

  /** Makes one context now, so that what is wrong with a certificate shows here. */
  constructor(make: (holder: TicketHolder) => tls.SecureContext, max = SLOTS_MAX) {
    this.#make = make
    this.#max = max
    this.#shared = this.#slot()
  }

  /** How many contexts there are. */
  get size(): number {
    return this.#made + 1
  }

  /** A context whose tickets name `profile` ('' for nobody). */
  lend(profile: string): Lease {
    if (profile === '') return { secureContext: this.#shared.secureContext, giveBack: ignore }
    let slot = this.#free.pop()
    if (slot === undefined && this.#made < this.#max) {
      this.#made++
      slot = this.#slot()
    }
    if (slot === undefined) return this.lend('')
    return this.#lease(slot, profile)
  }

  /**
   * The name stays in the slot until it is lent again: the tickets of TLS 1.3 are made right after the
   * handshake is said to be over, in the same call into OpenSSL.
   */
  #lease(slot: Slot, profile: string): Lease {
    slot.holder.profile = profile
    let isLent = true
    return {
      secureContext: slot.secureContext,
      giveBack: () => {
        if (isLent) this.#free.push(slot)
        isLent = false
      },
    }
  }

  #slot(): Slot {
    const holder = { profile: '' }
    return { holder, secureContext: this.#make(holder) }
  }
}

function ignore(): void {}
