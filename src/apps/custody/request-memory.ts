/**
 * Whether a request is new: ids of requests are remembered for longer than a request is good for.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'

export type Freshness = 'new' | 'replayed' | 'clock' | 'busy'

/** Clocks of a cluster differ by less. */
const SKEW_MS = 30_000
/** From the earliest clock to the latest. */
const REMEMBER_MS = 2 * SKEW_MS
/** In {@link REMEMBER_MS}: 4000 a second. More is refused, as forgetting would be worse. 32 MB. */
const IDS_MAX = 250_000

export class RequestMemory {
  #young = new Set<string>()
  #old = new Set<string>()
  #since = Number.NEGATIVE_INFINITY

  /** @param time the request's @param now both in milliseconds since 1970 */
  look(caller: string, requestId: Uint8Array, time: number, now: number): Freshness {
    // The older half is as old as what is too old by its time.
    if (now - this.#since >= REMEMBER_MS || now < this.#since) {
      this.#old = this.#young
      this.#young = new Set()
      this.#since = now
    }
    if (Math.abs(time - now) > SKEW_MS) return 'clock'
    const id = `${caller} ${toHex(requestId)}`
    if (this.#young.has(id) || this.#old.has(id)) return 'replayed'
    if (this.#young.size >= IDS_MAX) return 'busy'
    this.#young.add(id)
    return 'new'
  }
}
