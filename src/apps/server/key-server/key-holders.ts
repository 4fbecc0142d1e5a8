/**
 * Who holds the keys of tickets, as the key server sees it: the workers of this process, edges elsewhere. An epoch is only
 * used once all of them that live have it.
 *
 * @module
 */
import type { NumberedEntry } from '../../../keys/session/revocations.ts'
import { type DataPlane, type SessionKeysGiven, workerName } from '../../../ports/data-plane.ts'

export interface KeyHolders {
  /** For the log: `worker`, `edge`. */
  readonly kind: string
  /** Names, unique over all kinds, of those that are to hold the keys of a group; of any without it. */
  living(group?: number): readonly string[]
  /** These keys and no others, to all there are and to those to come. The bytes stay the giver's. */
  give(given: SessionKeysGiven): void
  /** The next entry of the feed; `since` tells those that come later. */
  feed(entry: NumberedEntry, since: (seq: number) => readonly NumberedEntry[]): void
  /** Called when one says which keys it holds; returns the way to stop. */
  onHeld(listener: (holder: string, stekIds: readonly number[]) => void): () => void
  /** It did not take a key of the group in time, and must not be waited for again until it does. */
  exclude(holder: string, group: number): void
}

/** The workers of a data plane in this process. */
export function workerHolders(plane: DataPlane): KeyHolders {
  return {
    kind: 'worker',
    living: () => plane.workers().flatMap((one) => (one.state === 'dead' ? [] : [workerName(one)])),
    give: (given) => plane.giveSessionKeys(given),
    feed: (entry, since) => plane.feedSessions([entry], () => since(0)),
    onHeld: (listener) => plane.onSessionKeysHeld(listener),
    exclude: (worker) => plane.replaceWorker(worker),
  }
}
