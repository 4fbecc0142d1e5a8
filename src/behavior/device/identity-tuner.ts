/**
 * The limit of identity scores, led by what people say of rotations (decision 0023): a false one moves it up, an attack that was missed
 * moves it down. Direct evidence is not concerned. Bounded, so that false words move it no further. Plain JSON state.
 *
 * @module
 */
import type { ScoreLabel, ThresholdTuner, TuningOptions } from '../threshold/tuner.ts'

const OPTIONS: TuningOptions = {
  // Scores are over their limit already.
  start: 1,
  falseAlarmCost: 1,
  // As decision 0023 compares tuners.
  missCost: 10,
  toldShare: 0.3,
  falseAlarmShareMax: 0.001,
}
/** Below, one window in some hundreds of a baseline is at it; above, no encoder of the evaluation is seen by it. */
const LIMIT_MIN = 0.7
const LIMIT_MAX = 2

export class IdentityTuner<State> {
  readonly #tuner: ThresholdTuner<State>
  readonly state: State

  /** @param kept of the same tuner: goes on with it */
  constructor(tuner: ThresholdTuner<State>, kept?: State) {
    this.#tuner = tuner
    this.state = kept ?? tuner.begin(OPTIONS)
  }

  get limit(): number {
    return Math.min(LIMIT_MAX, Math.max(LIMIT_MIN, this.#tuner.thresholdOf(this.state)))
  }

  /** @param score of identity, of a look */
  see(score: number): void {
    this.#tuner.see(this.state, OPTIONS, score)
  }

  learn(label: ScoreLabel): void {
    this.#tuner.learn(this.state, OPTIONS, label)
  }
}
