/**
 * {@link ReplayScope} in this process: for one edge, and for the sessions that an edge owns.
 *
 * @module
 */
import { ReplayWindow } from '../../keys/session/replay-window.ts'
import type { ReplayScope } from '../../ports/replay-scope.ts'

/** @param proofsMax proofs remembered per 35 s, about 100 bytes each; with more it cannot tell */
export function memoryReplayScope(proofsMax: number): ReplayScope {
  const window = new ReplayWindow(proofsMax)
  return {
    async meet(session, nonce, now) {
      const met = window.meet(`${session}${nonce}`, now)
      return met === 'full' ? 'failed' : met
    },
  }
}
