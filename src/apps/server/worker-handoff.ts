/**
 * Where sessions are and where they go, as one worker tells it the supervisor (`handoff-desk.ts`): new places in batches,
 * moves at once, because a request may wait for what the old server hands over.
 *
 * @module
 */
import type { SessionMove } from '../../adapters/edge/session-places.ts'
import type { FromWorker, SessionPlaced } from './worker-messages.ts'

/** How long other workers may not know where a new session is. */
const TELL_MS = 25
const TELL_MAX = 1024
/** A request waits so long for the state of its session, and no longer (LSK/1 section 1.11). */
export const STATE_WAIT_MS = 250

export interface WorkerHandoff {
  placed(place: SessionPlaced): void
  /** What requests of the session wait for, if anything; never rejects. @param waits its pool hands over state */
  moved(move: SessionMove, waits: boolean): Promise<void> | undefined
  /** The supervisor is done with a move. */
  done(call: number): void
}

export function workerHandoff(send: (message: FromWorker) => void): WorkerHandoff {
  let calls = 0
  let places: SessionPlaced[] = []
  const waiting = new Map<number, () => void>()

  const tell = (): void => {
    if (places.length === 0) return
    send({ kind: 'sessions-placed', places })
    places = []
  }

  return {
    placed(place) {
      if (places.length === 0) setTimeout(tell, TELL_MS).unref()
      places.push(place)
      if (places.length >= TELL_MAX) tell()
    },
    moved(move, waits) {
      const call = ++calls
      // In the order in which things happened.
      tell()
      send({ kind: 'session-moved', call, move })
      if (!waits || !move.lives) return undefined
      return new Promise((resolve) => {
        const late = setTimeout(() => answer(), STATE_WAIT_MS)
        const answer = (): void => {
          clearTimeout(late)
          waiting.delete(call)
          resolve()
        }
        waiting.set(call, answer)
      })
    },
    done: (call) => waiting.get(call)?.(),
  }
}
