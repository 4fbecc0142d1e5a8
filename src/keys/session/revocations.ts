/**
 * What an edge knows of sessions that are over before their tickets expire: the feed of the key server (LSK/1 section
 * 1.10), in order, without gaps. Exact: tickets live minutes, so what must be remembered stays small.
 *
 * @module
 */

export type FeedEntry =
  | {
      readonly kind: 'revoke'
      readonly session: string
      readonly generation: number
      readonly until: number
    }
  /** All sessions of somebody that were opened before a time. */
  | {
      readonly kind: 'revoke-subject'
      readonly subject: string
      readonly openedBefore: number
      readonly until: number
    }
  /** All tickets of a key group up to an epoch. */
  | { readonly kind: 'revoke-group'; readonly group: number; readonly epochMax: number }
  /** The session rotated: from `after` on the generations before are no good, `until` the last of them expires. */
  | {
      readonly kind: 'supersede'
      readonly session: string
      readonly generation: number
      readonly after: number
      readonly until: number
    }
  | { readonly kind: 'checkpoint' }

/**
 * With its place in the feed. `from`: nothing that still matters is between that number and this one, so that what no
 * ticket can be about any more need not be told. Times in seconds since 1970.
 */
export type NumberedEntry = FeedEntry & { readonly seq: number; readonly from?: number }

/** Without news for this long the feed counts as silent: checkpoints come every 5 s. */
export const FEED_SILENT_S = 15

interface Grace {
  readonly generation: number
  readonly after: number
}

interface Superseded {
  /** Generations up to this one are over. */
  readonly over: number
  /** The first whose grace runs, and the last. */
  readonly soon: Grace
  readonly last: Grace
  readonly until: number
}

export class Revocations {
  readonly #sessions = new Map<string, { generation: number; until: number }>()
  readonly #subjects = new Map<string, { openedBefore: number; until: number }>()
  readonly #groups = new Map<number, number>()
  readonly #superseded = new Map<string, Superseded>()
  #seq = 0
  #heardAt = Number.NEGATIVE_INFINITY
  #sweptAt = 0

  /** The last entry taken: ask the feed for what comes after. */
  get seq(): number {
    return this.#seq
  }

  get size(): number {
    return this.#sessions.size + this.#subjects.size + this.#superseded.size
  }

  /** Takes the next entry. False when entries are missing in between: start over from a snapshot. */
  take(entry: NumberedEntry, now: number): boolean {
    if (entry.seq <= this.#seq) return true
    if (this.#seq > 0 && (entry.from ?? entry.seq) > this.#seq + 1) return false
    this.#seq = entry.seq
    this.#heardAt = now
    if (entry.kind === 'revoke') {
      const known = this.#sessions.get(entry.session)
      this.#sessions.set(entry.session, {
        generation: Math.max(known?.generation ?? 0, entry.generation),
        until: Math.max(known?.until ?? 0, entry.until),
      })
    } else if (entry.kind === 'revoke-subject') {
      const known = this.#subjects.get(entry.subject)
      this.#subjects.set(entry.subject, {
        openedBefore: Math.max(known?.openedBefore ?? 0, entry.openedBefore),
        until: Math.max(known?.until ?? 0, entry.until),
      })
    } else if (entry.kind === 'revoke-group') {
      const known = this.#groups.get(entry.group) ?? -1
      this.#groups.set(entry.group, Math.max(known, entry.epochMax))
    } else if (entry.kind === 'supersede') this.#supersede(entry, now)
    this.#sweep(now)
    return true
  }

  /** The next entry may be any: the feed is told from its beginning. What is known stays, for it stays true. */
  startAnew(): void {
    this.#seq = 0
  }

  /** Has nothing been heard for too long? Then revoked sessions may pass: the policy says what to do. */
  isSilent(now: number): boolean {
    return now - this.#heardAt > FEED_SILENT_S
  }

  isRevoked(ticket: {
    readonly session: string
    readonly generation: number
    readonly subject: string | undefined
    readonly openedAt: number
    readonly group: number
    readonly epoch: number
  }): boolean {
    // Asked with each request: where nothing is known nothing is looked up.
    const session = this.#sessions.size === 0 ? undefined : this.#sessions.get(ticket.session)
    if (session !== undefined && ticket.generation <= session.generation) return true
    if (ticket.epoch <= (this.#groups.get(ticket.group) ?? -1)) return true
    if (ticket.subject === undefined || this.#subjects.size === 0) return false
    const subject = this.#subjects.get(ticket.subject)
    return subject !== undefined && ticket.openedAt < subject.openedBefore
  }

  /** Did the session rotate past this generation, so long ago that requests under way have arrived? */
  isSuperseded(
    ticket: { readonly session: string; readonly generation: number },
    now: number,
  ): boolean {
    const known = this.#superseded.size === 0 ? undefined : this.#superseded.get(ticket.session)
    if (known === undefined) return false
    const { generation } = ticket
    if (generation <= known.over) return true
    return [known.soon, known.last].some((one) => generation <= one.generation && now >= one.after)
  }

  /** Has the session gone on from this generation? Then nobody may go on from it once more, grace or not. */
  isFollowed(session: string, generation: number): boolean {
    return generation <= (this.#superseded.get(session)?.last.generation ?? 0)
  }

  #supersede(entry: FeedEntry & { readonly kind: 'supersede' }, now: number): void {
    const { session, generation, after, until } = entry
    const last = { generation, after }
    const known = this.#superseded.get(session)
    if (known === undefined) {
      this.#superseded.set(session, { over: 0, soon: last, last, until })
      return
    }
    if (generation <= known.last.generation) return
    const isLastOver = known.last.after <= now
    const isSoonOver = known.soon.after <= now
    const over = isLastOver ? known.last : isSoonOver ? known.soon : undefined
    this.#superseded.set(session, {
      over: over?.generation ?? known.over,
      // Whoever rotates without end gives what was over first no more time by it.
      soon: isLastOver ? last : isSoonOver ? known.last : known.soon,
      last,
      until: Math.max(known.until, until),
    })
  }

  /** Once a second at most: forgets what no ticket can be about any more. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < 1) return
    this.#sweptAt = now
    for (const [session, { until }] of this.#sessions)
      if (until < now) this.#sessions.delete(session)
    for (const [subject, { until }] of this.#subjects)
      if (until < now) this.#subjects.delete(subject)
    for (const [session, { until }] of this.#superseded)
      if (until < now) this.#superseded.delete(session)
  }
}
