/**
 * Where the workers of an edge ask whether a proof is fresh (`worker-replay.ts`): what one of them has shown is a replay
 * at all of them. Scopes wider than the edge are asked besides, where somebody listens for them.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import { ReplayWindow } from '../../keys/session/replay-window.ts'
import type { ReplayAsk } from '../../ports/data-plane.ts'
import type { ReplayMet, ReplayScopeName } from '../../ports/replay-scope.ts'
import { REPLAY_LETTERS } from './worker-replay.ts'

/** As many as a worker remembers, 16 to 32 bytes each: 20 000 unsafe requests a second. */
const PROOFS_MAX = 700_000

type Listener = (ask: ReplayAsk) => Promise<ReplayMet>

export class ReplayDesk {
  readonly #window: ReplayWindow
  readonly #now: () => number
  #listener: Listener | undefined

  /** @param now seconds since 1970 */
  constructor(now: () => number, random: Random) {
    this.#now = now
    this.#window = new ReplayWindow(PROOFS_MAX, random)
  }

  /** One at a time: of two, who has the last word? @throws TypeError when somebody listens already */
  listen(listener: Listener): () => void {
    if (this.#listener !== undefined) throw new TypeError('Cannot listen twice for wider scopes')
    this.#listener = listener
    return () => {
      if (this.#listener === listener) this.#listener = undefined
    }
  }

  /** Letters for `proofs`, in their order. Never rejects. @param proofs `<session>.<nonce>`, with spaces between */
  async answer(scope: ReplayScopeName, proofs: string): Promise<string> {
    const met = await Promise.all(proofs.split(' ').map((proof) => this.#meet(scope, proof)))
    return met.map((one) => REPLAY_LETTERS[one]).join('')
  }

  #meet(scope: ReplayScopeName, proof: string): ReplayMet | Promise<ReplayMet> {
    // What was here before is a replay in every scope.
    const met = this.#window.meet(proof, this.#now())
    if (met !== 'fresh') return met === 'replay' ? 'replay' : 'failed'
    if (scope === 'edge' || this.#listener === undefined) return 'fresh'
    const [session = '', nonce = ''] = proof.split('.')
    return this.#listener({ scope, session, nonce }).catch((): ReplayMet => 'failed')
  }
}
