/**
 * {@link ReplayScope} in this process: for one edge, and for the sessions that an edge owns.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import { ReplayWindow } from '../../keys/session/replay-window.ts'
import type { ReplayScope } from '../../ports/replay-scope.ts'

/** @param proofsMax proofs remembered per 35 s, 16 to 32 bytes each; with more it cannot tell */
export function memoryReplayScope(proofsMax: number, random: Random): ReplayScope {
  const window = new ReplayWindow(proofsMax, random)
  return {
    async meet(session, nonce, now) {
      const met = window.meet(`${session}${nonce}`, now)
      return met === 'full' ? 'failed' : met
    },
  }
}
