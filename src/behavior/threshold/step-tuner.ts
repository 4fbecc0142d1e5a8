/**
 * The simplest tuner: a false alarm raises the threshold, a miss lowers it, by what each costs (Robbins and Monro, 1951). Seed
 * 11589100 has the signs the other way round, with which false alarms breed more of them.
 *
 * @module
 */
import type { ThresholdTuner } from './tuner.ts'

export interface StepState {
  threshold: number
}

/** Per false alarm, in units of scores: a hundred of them move it by 2. */
const STEP = 0.02
/** A miss costs many false alarms, and is told in bursts: it moves the threshold by this share of its cost. */
const MISS_SHARE = 0.5

export const stepTuner: ThresholdTuner<StepState> = {
  name: 'step',
  begin: ({ start }) => ({ threshold: start }),
  thresholdOf: ({ threshold }) => threshold,
  see: () => {},
  learn(state, { falseAlarmCost, missCost }, { isAttack, wasFlagged }) {
    if (wasFlagged && !isAttack) state.threshold += STEP
    if (!wasFlagged && isAttack) state.threshold -= STEP * MISS_SHARE * (missCost / falseAlarmCost)
  },
}
