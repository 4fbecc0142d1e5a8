/**
 * What the key server remembers of sessions besides their tickets: the latest generation of each, so that a key is
 * followed once, and the replies of a moment ago, so that a lost one can be had again.
 *
 * @module
 */

/** What a client was answered. */
export interface OpeningReply {
  readonly reply: Uint8Array
  readonly session: string
  readonly generation: number
  readonly ticket: Uint8Array
}

/** How long a lost reply can be had again, in seconds: the longest a client goes on trying at once. */
const REPLY_S = 60

/** Latest generation of each live session, and the replies of the last minute. Bounded: the oldest go. */
export class SessionGenerations {
  readonly #latest = new Map<string, { generation: number; expires: number }>()
  readonly #replies = new Map<string, OpeningReply & { until: number }>()
  readonly #sessionsMax: number

  constructor(sessionsMax: number) {
    this.#sessionsMax = sessionsMax
  }

  get size(): number {
    return this.#latest.size
  }

  latest(session: string): number | undefined {
    return this.#latest.get(session)?.generation
  }

  replyTo(message: string, now: number): OpeningReply | undefined {
    const kept = this.#replies.get(message)
    return kept === undefined || kept.until < now ? undefined : kept
  }

  remember(message: string, reply: OpeningReply, expires: number, now: number): void {
    forgetBefore(this.#replies, ({ until }) => until < now, this.#sessionsMax)
    this.#replies.set(message, { ...reply, until: now + REPLY_S })
    forgetBefore(this.#latest, ({ expires: until }) => until < now, this.#sessionsMax)
    this.#latest.delete(reply.session)
    this.#latest.set(reply.session, { generation: reply.generation, expires })
  }
}

/** In the order they came: stops at the first that is still good, and keeps the bound. */
function forgetBefore<V>(map: Map<string, V>, isOver: (value: V) => boolean, most: number): void {
  for (const [key, value] of map) {
    if (map.size < most && !isOver(value)) return
    map.delete(key)
  }
}
