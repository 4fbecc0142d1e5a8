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
  | { readonly kind: 'checkpoint' }

/** With its place in the feed. Times in seconds since 1970. */
export type NumberedEntry = FeedEntry & { readonly seq: number }

/** Without news for this long the feed counts as silent: checkpoints come every 5 s. */
export const FEED_SILENT_S = 15

export class Revocations {
  readonly #sessions = new Map<string, { generation: number; until: number }>()
  readonly #subjects = new Map<string, { openedBefore: number; until: number }>()
  readonly #groups = new Map<number, number>()
  #seq = 0
  #heardAt = Number.NEGATIVE_INFINITY
  #sweptAt = 0

  /** The last entry taken: ask the feed for what comes after. */
  get seq(): number {
    return this.#seq
  }

  get size(): number {
    return this.#sessions.size + this.#subjects.size
  }

  /** Takes the next entry. False when entries are missing in between: start over from a snapshot. */
  take(entry: NumberedEntry, now: number): boolean {
    if (entry.seq <= this.#seq) return true
    if (this.#seq > 0 && entry.seq !== this.#seq + 1) return false
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
    }
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
    const session = this.#sessions.get(ticket.session)
    if (session !== undefined && ticket.generation <= session.generation) return true
    if (ticket.epoch <= (this.#groups.get(ticket.group) ?? -1)) return true
    if (ticket.subject === undefined) return false
    const subject = this.#subjects.get(ticket.subject)
    return subject !== undefined && ticket.openedAt < subject.openedBefore
  }

  /** Once a second at most: forgets what no ticket can be about any more. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < 1) return
    this.#sweptAt = now
    for (const [session, { until }] of this.#sessions)
      if (until < now) this.#sessions.delete(session)
    for (const [subject, { until }] of this.#subjects)
      if (until < now) this.#subjects.delete(subject)
  }
}
