/**
 * The feed of revocations as it is remembered for those who come later (LSK/1 section 1.10): numbered without gaps, entries
 * that no ticket can be about any more left out. For the key server, and for an edge that tells its workers.
 *
 * @module
 */
import type { FeedEntry, NumberedEntry } from './revocations.ts'

export interface FeedLogOptions {
  /** The number before the first. */
  readonly begin: number
  /** Seconds that an entry without an end of its own matters: the life of a ticket. */
  readonly keepS: number
  /** Superseded generations remembered; beyond it the oldest are forgotten, and good to their end. */
  readonly supersededMax: number
}

interface Kept {
  readonly entry: NumberedEntry
  readonly at: number
}

/** So many at once, when there are too many. */
const FORGOTTEN_SHARE = 0.1

export class FeedLog {
  readonly #options: FeedLogOptions
  #kept: Kept[] = []
  #seq: number
  #superseded = 0

  constructor(options: FeedLogOptions) {
    this.#options = options
    this.#seq = options.begin
  }

  get size(): number {
    return this.#kept.length
  }

  /** Entries but for superseded generations. */
  get revocations(): number {
    return this.#kept.length - this.#superseded
  }

  /** Gives it the next number. @param at seconds since 1970 */
  add(entry: FeedEntry, at: number): NumberedEntry {
    if (entry.kind === 'supersede') {
      if (this.#superseded >= this.#options.supersededMax) this.#forgetOldest()
      this.#superseded++
    }
    this.#seq++
    const numbered = { ...entry, seq: this.#seq }
    this.#kept.push({ entry: numbered, at })
    return numbered
  }

  /** Forgets what no ticket can be about any more; of checkpoints all but one at the end. */
  forget(now: number): void {
    this.#keep(({ entry, at }) => {
      if (entry.kind === 'checkpoint') return entry.seq === this.#seq
      if (entry.kind === 'supersede') return entry.until >= now
      return at + this.#options.keepS >= now
    })
  }

  /** Forgets all; numbers go on. */
  clear(): void {
    this.#keep(() => false)
  }

  /** Is it a number of this log, so that {@link since} goes on from it? */
  follows(seq: number): boolean {
    return seq >= this.#options.begin && seq <= this.#seq
  }

  /** What came after `seq` and still matters: all of it when that is no number of this log. */
  since(seq: number): readonly NumberedEntry[] {
    const isOurs = this.follows(seq)
    let last = isOurs ? seq : undefined
    return this.#kept.flatMap(({ entry }) => {
      if (isOurs && entry.seq <= seq) return []
      const from = last === undefined ? entry.seq : last + 1
      last = entry.seq
      return [from === entry.seq ? entry : { ...entry, from }]
    })
  }

  #forgetOldest(): void {
    let count = Math.ceil(this.#options.supersededMax * FORGOTTEN_SHARE)
    this.#keep(({ entry }) => entry.kind !== 'supersede' || count-- <= 0)
  }

  #keep(matters: (kept: Kept) => boolean): void {
    this.#kept = this.#kept.filter(matters)
    this.#superseded = this.#kept.filter(({ entry }) => entry.kind === 'supersede').length
  }
}
