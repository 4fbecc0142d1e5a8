/**
 * Carries decisions from the data plane to where they are kept, and to whoever watches them live.
 * The data plane never waits for either: what storage cannot take is dropped and counted.
 *
 * @module
 */
import type { Log } from '../../adapters/node/json-log.ts'
import type { Decision } from '../../behavior/decision.ts'
import type { DataPlane } from '../../ports/data-plane.ts'
import {
  type DecisionLog,
  type DecisionPage,
  decisionPages,
  decisionsOf,
} from '../../ports/decision-log.ts'

/** About 20 MB of decisions waiting: a second of handshakes on 8 cores, twice over. */
const WAITING_MAX = 20_000

/**
 * Decisions are stored this often: a transaction costs about 1.3 ms however few it holds (measured
 * 2026-11-21, a twentieth of the CPU of a handshake flood when made ten times a second).
 */
export const STORE_MS = 500

export interface DecisionFeed {
  /** As {@link DecisionLog} has them, with those that still wait to be stored. */
  readonly get: DecisionLog['get']
  readonly list: DecisionLog['list']
  /** Takes one that was not made by the data plane. */
  add(decision: Decision): void
  /** Decisions that storage could not take, since start. */
  dropped(): number
  /** Calls back with each batch as it arrives; returns the way to stop. */
  watch(watcher: (decisions: readonly Decision[]) => void): () => void
  /** Stops taking, and resolves when what was taken is stored. */
  close(): Promise<void>
}

export function feedDecisions(plane: DataPlane, kept: DecisionLog, log: Log): DecisionFeed {
  const watchers = new Set<(decisions: readonly Decision[]) => void>()
  let waiting: DecisionPage[] = []
  let waitingCount = 0
  /** Being stored: in the log or about to be. */
  let batch: readonly DecisionPage[] = []
  let storing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let dropped = 0

  const store = async (): Promise<void> => {
    while (waiting.length > 0) {
      batch = waiting
      const decisions = waitingCount
      waiting = []
      waitingCount = 0
      try {
        await kept.append(batch)
      } catch (error) {
        dropped += decisions
        log.error({ err: error, decisions }, 'Cannot store decisions')
      }
    }
    batch = []
    storing = undefined
  }
  const storeNow = (): void => {
    clearTimeout(timer)
    timer = undefined
    storing ??= store()
  }
  const take = (pages: readonly DecisionPage[]): void => {
    for (const page of pages) {
      if (waitingCount + page.count > WAITING_MAX) dropped += page.count
      else {
        waiting.push(page)
        waitingCount += page.count
      }
    }
    timer ??= setTimeout(storeNow, STORE_MS)
    if (watchers.size === 0) return
    const decisions = pages.flatMap(decisionsOf)
    for (const watcher of watchers) watcher(decisions)
  }
  const stop = plane.onDecisions(take)
  const unstored = (): Decision[] => [...batch, ...waiting].flatMap(decisionsOf)

  return {
    // The newer one first: a decision comes again when its first request was served.
    get: (id) => unstored().findLast((each) => each.id === id) ?? kept.get(id),
    list(query) {
      const { limit, before = '~' } = query
      const fresh = unstored().filter(({ id }) => id < before)
      const byId = new Map([...kept.list(query), ...fresh].map((each) => [each.id, each]))
      return [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit)
    },
    add: (decision) => take(decisionPages([decision])),
    dropped: () => dropped,
    watch(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    async close() {
      stop()
      watchers.clear()
      storeNow()
      await storing
    },
  }
}
