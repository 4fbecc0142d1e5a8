/**
 * Whether a request is new: ids of requests are remembered for longer than a request is good for.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'

export type Freshness = 'new' | 'replayed' | 'clock' | 'busy'

/** Clocks of a cluster differ by less. Ids are remembered by their requests' times, those of so many milliseconds together. */
const SKEW_MS = 30_000
/** Behind now; twice what is looked at, for a clock that is set back. */
const REMEMBER_MS = 2 * SKEW_MS
/** Of {@link SKEW_MS}: 4000 a second. More is refused, as forgetting would be worse. 16 MB. */
const IDS_MAX = 125_000
/** Four, unless the clock is set back by more: then the latest go, which are good last. */
const SPANS_MAX = 8

export class RequestMemory {
  /** By the time of the requests, in {@link SKEW_MS}. */
  readonly #seen = new Map<number, Set<string>>()

  /** @param time the request's @param now both in milliseconds since 1970 */
  look(caller: string, requestId: Uint8Array, time: number, now: number): Freshness {
    for (const span of this.#seen.keys()) {
      if ((span + 1) * SKEW_MS <= now - REMEMBER_MS) this.#seen.delete(span)
    }
    if (Math.abs(time - now) > SKEW_MS) return 'clock'
    const id = `${caller} ${toHex(requestId)}`
    for (const ids of this.#seen.values()) if (ids.has(id)) return 'replayed'
    const ids = this.#spanOf(time)
    if (ids.size >= IDS_MAX) return 'busy'
    ids.add(id)
    return 'new'
  }

  #spanOf(time: number): Set<string> {
    const span = Math.floor(time / SKEW_MS)
    let ids = this.#seen.get(span)
    if (ids === undefined) {
      ids = new Set()
      this.#seen.set(span, ids)
      if (this.#seen.size > SPANS_MAX) this.#seen.delete(Math.max(...this.#seen.keys()))
    }
    return ids
  }
}
