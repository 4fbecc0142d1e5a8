/**
 * The sessions that live at one moment of a simulation, as columns of numbers: millions come and go, 47 bytes each, with the event
 * that is due, of the most that were there at once.
 *
 * @module
 */

/** What a session does now. */
export const STAGE = { gone: 0, thinking: 1, fetching: 2, waiting: 3, served: 4 } as const

/** A session beyond so many at once is turned away: 49 MB. */
export const SESSIONS_MAX = 2 ** 20
const ROOM_FIRST = 1024
export const NO_SESSION = -1

export class SimulatedSessions {
  stage = new Uint8Array(ROOM_FIRST)
  /** Requests it has yet to make, the one it makes now among them. */
  left = new Int32Array(ROOM_FIRST)
  /** The server it was on last, -1 before the first. */
  place = new Int16Array(ROOM_FIRST)
  key = new Uint32Array(ROOM_FIRST)
  /** When its pending event is due, ms; an event at any other time is out of date. */
  dueMs = new Float64Array(ROOM_FIRST)
  /** Of the request it makes now. */
  askedMs = new Float64Array(ROOM_FIRST)
  workMs = new Float64Array(ROOM_FIRST)
  /** Rooms used so far; some of them may be empty again. */
  size = 0
  live = 0
  #empty: number[] = []

  /** @returns its room, or NO_SESSION when there are too many */
  open(left: number, key: number): number {
    if (this.live >= SESSIONS_MAX) return NO_SESSION
    const room = this.#empty.pop() ?? this.size++
    if (room >= this.stage.length) this.#grow()
    this.stage[room] = STAGE.thinking
    this.left[room] = left
    this.place[room] = -1
    this.key[room] = key
    this.live++
    return room
  }

  close(room: number): void {
    this.stage[room] = STAGE.gone
    this.dueMs[room] = Number.NaN
    this.#empty.push(room)
    this.live--
  }

  #grow(): void {
    const room = this.stage.length * 2
    const grown = <T extends { set(from: T): void }>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    this.stage = grown(this.stage, new Uint8Array(room))
    this.left = grown(this.left, new Int32Array(room))
    this.place = grown(this.place, new Int16Array(room))
    this.key = grown(this.key, new Uint32Array(room))
    this.dueMs = grown(this.dueMs, new Float64Array(room))
    this.askedMs = grown(this.askedMs, new Float64Array(room))
    this.workMs = grown(this.workMs, new Float64Array(room))
  }
}
