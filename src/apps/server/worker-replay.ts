/**
 * "Was this proof used before?" as one worker asks it of all the others: proofs of unsafe requests wait for the
 * supervisor's word (`replay-desk.ts`), those of safe ones are told to the neighbours within {@link TELL_MS}.
 *
 * @module
 */
import type { ReplayAsk } from '../../ports/data-plane.ts'
import type { ReplayMet, ReplayScopeName } from '../../ports/replay-scope.ts'
import type { FromWorker } from './worker-messages.ts'

/** How long a safe request can be made again at another worker. */
export const TELL_MS = 25
/** As many are told at once at the latest. */
const TELL_MAX = 1024
/** A supervisor that does not answer by then has not answered: clients wait for it. */
const ANSWER_MS = 1_000
/** Asks that wait; more fail at once. */
const ASKS_MAX = 20_000

/** One letter per answer, to keep the channel short. */
export const REPLAY_LETTERS: Readonly<Record<ReplayMet, string>> = {
  fresh: 'f',
  replay: 'r',
  failed: 'x',
}
const OF_LETTER = new Map(
  Object.entries(REPLAY_LETTERS).map(([met, letter]) => [letter, met as ReplayMet]),
)

export interface WorkerReplay {
  /** Never rejects. */
  meet(ask: ReplayAsk): Promise<ReplayMet>
  /** The supervisor's letters for a batch, in its order. */
  answered(batch: number, letters: string): void
  /** A safe request was made. @param proof session id and nonce, as they are */
  saw(proof: string): void
}

type Answer = (met: ReplayMet) => void

interface Batch {
  readonly proofs: string[]
  readonly answers: Answer[]
}

/** @param hasNeighbours other workers serve the same clients */
export function workerReplay(
  send: (message: FromWorker) => void,
  hasNeighbours: boolean,
): WorkerReplay {
  const gathering = new Map<ReplayScopeName, Batch>()
  const waiting = new Map<number, readonly Answer[]>()
  let batches = 0
  let asks = 0
  let told: string[] = []

  const settle = (answers: readonly Answer[], met: (at: number) => ReplayMet): void => {
    asks -= answers.length
    answers.forEach((answer, at) => {
      answer(met(at))
    })
  }
  const ask = (): void => {
    for (const [scope, { proofs, answers }] of gathering) {
      const batch = ++batches
      waiting.set(batch, answers)
      const late = setTimeout(() => {
        if (waiting.delete(batch)) settle(answers, () => 'failed')
      }, ANSWER_MS)
      late.unref()
      send({ kind: 'replay-asks', batch, scope, proofs: proofs.join(' ') })
    }
    gathering.clear()
  }
  const tell = (): void => {
    if (told.length === 0) return
    send({ kind: 'proofs-seen', proofs: told.join(' ') })
    told = []
  }

  return {
    meet({ scope, session, nonce }) {
      if (asks >= ASKS_MAX) return Promise.resolve('failed')
      asks++
      // All that come in one turn of the loop are asked at once.
      if (gathering.size === 0) setImmediate(ask)
      let batch = gathering.get(scope)
      if (batch === undefined) {
        batch = { proofs: [], answers: [] }
        gathering.set(scope, batch)
      }
      const { proofs, answers } = batch
      proofs.push(`${session}.${nonce}`)
      return new Promise((resolve) => answers.push(resolve))
    },
    answered(batch, letters) {
      const answers = waiting.get(batch)
      if (answers === undefined) return
      waiting.delete(batch)
      settle(answers, (at) => OF_LETTER.get(letters.charAt(at)) ?? 'failed')
    },
    saw(proof) {
      if (!hasNeighbours) return
      if (told.length === 0) setTimeout(tell, TELL_MS).unref()
      told.push(proof)
      if (told.length >= TELL_MAX) tell()
    },
  }
}
