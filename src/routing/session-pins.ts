/**
 * Which server of a pool a session was served by last. Bounded: the sessions that were asked about longest ago are
 * forgotten first, and go by the hash ring again.
 *
 * @module
 */

/** About 120 bytes each. A key server remembers as many sessions (`sessions.keepMax`). */
export const PINS_MAX = 100_000

export class SessionPins {
  readonly #max: number
  /** The least recently used first. */
  readonly #servers = new Map<string, string>()

  constructor(max: number = PINS_MAX) {
    this.#max = max
  }

  get size(): number {
    return this.#servers.size
  }

  /** The id of its server, undefined when it is not known. */
  at(session: string): string | undefined {
    const server = this.#servers.get(session)
    if (server !== undefined) {
      this.#servers.delete(session)
      this.#servers.set(session, server)
    }
    return server
  }

  put(session: string, server: string): void {
    this.#servers.delete(session)
    if (this.#servers.size >= this.#max) {
      this.#servers.delete(this.#servers.keys().next().value ?? '')
    }
    this.#servers.set(session, server)
  }

  /** It is nowhere any more. Returns where it was. */
  take(session: string): string | undefined {
    const server = this.#servers.get(session)
    this.#servers.delete(session)
    return server
  }

  /** The least recently used first. */
  entries(): IterableIterator<[session: string, server: string]> {
    return this.#servers.entries()
  }
}
