/**
 * Keeps sessions on their servers, in one pool and worker: where each was served last, and what is said when it is sent
 * elsewhere. Who is told, and what there is to wait for, is the worker's process (`apps/server`).
 *
 * @module
 */
import { SessionPins } from '../../routing/session-pins.ts'
import type { HandoffReason } from '../../wire/handoff-notice.ts'

/** A session that a request is made under, as far as places go. */
export interface PlacedSession {
  /** base64url. */
  readonly id: string
  readonly generation: number
}

/** A session goes from one server to another. */
export interface SessionMove {
  readonly pool: string
  /** The pool of `from`, where its tier has led it to another; absent: the same. */
  readonly left?: string | undefined
  readonly session: string
  readonly generation: number
  /** Ids of servers. */
  readonly from: string
  readonly to: string
  readonly reason: HandoffReason
  /** The old server can be asked for what it knows of the session before it goes on. */
  readonly lives: boolean
}

/** Where a session was, in a pool that it leaves because its tier has changed. */
export interface PlaceLeft {
  readonly pool: string
  readonly server: string
  /** As of {@link SessionMove}. */
  readonly lives: boolean
}

export interface SessionPlacesHost {
  /** It was not known to be anywhere. */
  onPlaced(session: PlacedSession, server: string): void
  /** Returns what its requests wait for, if anything; never rejects. */
  onMoved(move: Omit<SessionMove, 'pool'>): Promise<void> | undefined
}

export class SessionPlaces {
  readonly #host: SessionPlacesHost
  readonly #pins = new SessionPins()
  /** As many at most as there are requests that wait. */
  readonly #moving = new Map<string, Promise<void>>()

  constructor(host: SessionPlacesHost) {
    this.#host = host
  }

  /** The id of the server it is on, as far as is known. */
  at(session: string): string | undefined {
    return this.#pins.at(session)
  }

  /** Others have seen it there. */
  learn(session: string, server: string): void {
    this.#pins.put(session, server)
  }

  /** It goes to another pool from now on. Returns the id of its server, if it had one here. */
  leave(session: string): string | undefined {
    return this.#pins.take(session)
  }

  /**
   * A request of it goes to `to` now.
   *
   * @param why of the server it was on
   * @param left the place in another pool that it comes from
   * @returns what the request waits for before
   */
  place(
    session: PlacedSession,
    to: string,
    why: (from: string) => Pick<SessionMove, 'reason' | 'lives'>,
    left?: PlaceLeft,
  ): Promise<void> | undefined {
    const { id, generation } = session
    const from = this.#pins.at(id)
    if (left === undefined && from === to) return this.#moving.get(id)
    this.#pins.put(id, to)
    const move = { session: id, generation, to }
    let told: Promise<void> | undefined
    if (left !== undefined) {
      const { pool, server, lives } = left
      told = this.#host.onMoved({ ...move, from: server, left: pool, reason: 'tier', lives })
    } else if (from === undefined) this.#host.onPlaced(session, to)
    else told = this.#host.onMoved({ ...move, from, ...why(from) })
    if (told === undefined) return undefined
    const moving = told.then(() => {
      if (this.#moving.get(id) === moving) this.#moving.delete(id)
    })
    this.#moving.set(id, moving)
    return moving
  }
}
