/**
 * Counts, per key group, first requests of sessions at a worker: those with a ticket that it had not open, by whether its key
 * was there. What it says of keys that were there is authentic; a ticket under a key that was not may be anybody's
 * invention, until it turns out to open.
 *
 * @module
 */

export interface FirstRequestCounts {
  /** Tickets opened, under a key that was there when they were first shown. */
  readonly found: number
  /** Tickets shown under a key that was not there, each once. Not authentic. */
  readonly missed: number
  /** Of those missed: opened since, when the key had come. */
  readonly late: number
  /** Until when a ticket that was opened is good at most, seconds since 1970; 0: none was. */
  readonly usedUntil: number
}

export const NO_FIRST_REQUESTS: FirstRequestCounts = { found: 0, missed: 0, late: 0, usedUntil: 0 }

/** Of base64, the 16 bytes of a ticket's tag and the colon: no two honest tickets end alike. */
const END_CHARS = 25
/** Tickets that were missed and have yet to come again; about 100 bytes each. */
const WAITING_MAX = 10_000

export class FirstRequests {
  readonly #counts = new Map<number, { -readonly [K in keyof FirstRequestCounts]: number }>()
  readonly #waiting = new Set<string>()

  /**
   * A ticket was opened that was not open.
   *
   * @param sessionKey the field as it came
   * @param expires of the ticket, seconds since 1970
   */
  opened(sessionKey: string, group: number, expires: number): void {
    const counts = this.#of(group)
    counts[this.#waiting.delete(sessionKey.slice(-END_CHARS)) ? 'late' : 'found']++
    counts.usedUntil = Math.max(counts.usedUntil, expires)
  }

  /** A ticket of a group that there is was shown under a key that is not here. */
  missed(sessionKey: string, group: number): void {
    const end = sessionKey.slice(-END_CHARS)
    if (this.#waiting.has(end)) return
    if (this.#waiting.size >= WAITING_MAX) {
      this.#waiting.delete(this.#waiting.keys().next().value ?? '')
    }
    this.#waiting.add(end)
    this.#of(group).missed++
  }

  /** By the number of the group. */
  counts(): Record<string, FirstRequestCounts> {
    return Object.fromEntries([...this.#counts].map(([group, counts]) => [group, { ...counts }]))
  }

  #of(group: number) {
    const known = this.#counts.get(group)
    if (known !== undefined) return known
    const counts = { ...NO_FIRST_REQUESTS }
    this.#counts.set(group, counts)
    return counts
  }
}
