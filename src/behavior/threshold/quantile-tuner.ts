/**
 * Adaptive conformal inference (Gibbs and Candes, 2021) as a tuner: the threshold follows the scores, so that a set share of all
 * events is flagged, whatever the scores drift to; that share follows what is said of alarms and misses.
 *
 * @module
 */
import type { ThresholdTuner } from './tuner.ts'

export interface QuantileState {
  threshold: number
  /** Of events that are flagged. */
  share: number
}

/** Gibbs and Candes' gamma, in units of scores. */
const STEP = 0.05
/** What a false alarm takes off the share, and a miss per false alarm it costs puts on it: coarse, as each is one word. */
const PER_FALSE_ALARM = 0.005
const PER_MISS = 0.003
const SHARE_MIN = 0.002
/** Before anybody has said anything. */
const SHARE_FIRST = 0.02

export const quantileTuner: ThresholdTuner<QuantileState> = {
  name: 'conformal',
  begin: ({ start }) => ({ threshold: start, share: SHARE_FIRST }),
  thresholdOf: ({ threshold }) => threshold,
  see(state, _options, score) {
    state.threshold += STEP * ((score >= state.threshold ? 1 : 0) - state.share)
  },
  learn(state, options, { isAttack, wasFlagged }) {
    const { falseAlarmCost, missCost, falseAlarmShareMax } = options
    if (wasFlagged && !isAttack) state.share *= 1 - PER_FALSE_ALARM
    if (!wasFlagged && isAttack) state.share *= 1 + (PER_MISS * missCost) / falseAlarmCost
    const most = 2 * falseAlarmShareMax
    state.share = Math.min(most, Math.max(SHARE_MIN, state.share))
  },
}
