/**
 * Asks nodes that are thought to be away whether they are there again, when somebody wants to know: nothing else may be asked of them for a
 * while.
 *
 * @module
 */
import type { Clock } from '../../ground/clock.ts'
import type { NodeLinks } from '../custody/node-links.ts'

/** Anybody may want to know. */
const AGAIN_MS = 1_000
const ASK_MS = 2_000
const NO_KEY = new Uint8Array(16)
const NO_FIELDS = new Map<number, readonly Uint8Array[]>()

/** What it returns is called each time; it waits for nothing. */
export function askAwayNodes({ nodes }: NodeLinks, clock: Clock): () => void {
  let askedAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock.now()
    if (Math.abs(now - askedAt) < AGAIN_MS) return
    askedAt = now
    for (const node of nodes) {
      // Of what nodes do for this coordinator, the one thing that they do not write down.
      if (node.health.isAway) void node.ask('checkpoint', NO_KEY, 0, NO_FIELDS, ASK_MS)
    }
  }
}
