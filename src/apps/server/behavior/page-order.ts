/**
 * Whether a batch is the next of its page: the same one may come again when its answer was lost, two may overtake each
 * other when a page is closed; what is older, or of a time that has not passed yet, is made up. Of a page that is met in its
 * middle (after a restart, or at another edge) nobody knows here whether the batch was counted before: it is not again.
 *
 * @module
 */

/** `again` may also be the first here of a page that began before. */
export type BatchOrder = 'next' | 'again' | 'old' | 'impossible'

interface Page {
  last: number
  /** Of the last few: which were seen. */
  readonly seen: Set<number>
  /** Page clock less ours when the first batch came, ms. */
  readonly offsetMs: number
}

/** Pages of a session that are open at once, and sessions; the ones longest silent are forgotten. */
const PAGES_MAX = 16
const SESSIONS_MAX = 100_000
/** A batch may overtake so many. */
const OVERTAKEN_MAX = 2
/** Clocks of pages are coarse, and networks hold batches back: the first may have come late. */
const AHEAD_MS = 60_000

export class PageOrder {
  readonly #sessions = new Map<string, Map<number, Page>>()

  /** @param endMs when the batch was written, by the page's clock; `now` by ours, milliseconds */
  meet(session: string, page: number, sequence: number, endMs: number, now: number): BatchOrder {
    const pages = this.#pages(session)
    const known = pages.get(page)
    if (known === undefined) {
      if (pages.size >= PAGES_MAX) pages.delete(pages.keys().next().value ?? 0)
      pages.set(page, { last: sequence, seen: new Set([sequence]), offsetMs: endMs - now })
      return sequence === 0 ? 'next' : 'again'
    }
    if (known.seen.has(sequence)) return 'again'
    if (sequence < known.last - OVERTAKEN_MAX) return 'old'
    if (endMs - now > known.offsetMs + AHEAD_MS) return 'impossible'
    known.seen.add(sequence)
    known.last = Math.max(known.last, sequence)
    for (const one of known.seen) if (one < known.last - OVERTAKEN_MAX) known.seen.delete(one)
    return 'next'
  }

  #pages(session: string): Map<number, Page> {
    const pages = this.#sessions.get(session) ?? new Map<number, Page>()
    this.#sessions.delete(session)
    this.#sessions.set(session, pages)
    if (this.#sessions.size > SESSIONS_MAX) {
      this.#sessions.delete(this.#sessions.keys().next().value ?? '')
    }
    return pages
  }
}
