/**
 * Both thresholds of the tiers, each led by a tuner of its own: what sessions scored, and what somebody said they were. Neither goes further than
 * {@link MOVED_MAX} from where it began, so that whoever gets false words in (a machine that passes challenges) moves it
 * no further than that. Plain JSON state.
 *
 * @module
 */
import type { Tier, TierThresholds } from '../tier.ts'
import { bayesTuner } from './bayes-tuner.ts'
import { quantileTuner } from './quantile-tuner.ts'
import { stepTuner } from './step-tuner.ts'
import type { ThresholdTuner, TuningOptions } from './tuner.ts'
import { windowTuner } from './window-tuner.ts'

/** As decision 0023 compares them. */
export const TUNER_NAMES = ['windowed', 'conformal', 'bayesian', 'step'] as const
export type TunerName = (typeof TUNER_NAMES)[number]

export interface TierTuning {
  readonly name: TunerName
  /** Where they began. */
  readonly start: TierThresholds
  /** Of the tuner of each tier. */
  readonly tier2: unknown
  readonly tier3: unknown
}

const TUNERS: Readonly<Record<TunerName, ThresholdTuner<unknown>>> = {
  windowed: windowTuner,
  conformal: quantileTuner,
  bayesian: bayesTuner,
  step: stepTuner,
}

/** Digits: as far as calibration takes a score down (`conformal.ts`). */
const MOVED_MAX = 2
/** A session that nothing speaks against must not be above it. */
const THRESHOLD_MIN = 0.5
/** What is told of attacks that were not flagged, and what one costs in false alarms: as decision 0023 has them. */
const TOLD_SHARE = 0.3
const MISS_COST = 10
/** An attack that the second tier has is half caught: a first guess. */
const MISS_COST_TIER3 = 1

export class TierTuner {
  readonly #tuner: ThresholdTuner<unknown>
  readonly #options: { readonly tier2: TuningOptions; readonly tier3: TuningOptions }
  readonly #state: TierTuning

  /** @param kept goes on with it, where it is of the same tuner and began the same */
  constructor(
    name: TunerName,
    start: TierThresholds,
    falseAlarmShareMax: number,
    kept?: TierTuning,
  ) {
    this.#tuner = TUNERS[name]
    const common = { falseAlarmCost: 1, toldShare: TOLD_SHARE, falseAlarmShareMax }
    this.#options = {
      tier2: { ...common, start: start.tier2, missCost: MISS_COST },
      tier3: { ...common, start: start.tier3, missCost: MISS_COST_TIER3 },
    }
    const isSame =
      kept?.name === name && kept.start.tier2 === start.tier2 && kept.start.tier3 === start.tier3
    this.#state = isSame
      ? kept
      : {
          ...{ name, start },
          tier2: this.#tuner.begin(this.#options.tier2),
          tier3: this.#tuner.begin(this.#options.tier3),
        }
  }

  get thresholds(): TierThresholds {
    const { tier2, tier3, start } = this.#state
    const second = bounded(this.#tuner.thresholdOf(tier2), start.tier2)
    return {
      tier2: second,
      tier3: Math.max(second, bounded(this.#tuner.thresholdOf(tier3), start.tier3)),
    }
  }

  /** To begin with the next time; changes on. */
  get state(): TierTuning {
    return this.#state
  }

  /** The highest score of a session that is over. */
  see(score: number): void {
    this.#tuner.see(this.#state.tier2, this.#options.tier2, score)
    this.#tuner.see(this.#state.tier3, this.#options.tier3, score)
  }

  /** Somebody says what a session was. @param tier that it was in */
  learn(score: number, tier: Tier, isAttack: boolean): void {
    const { tier2, tier3 } = this.#state
    this.#tuner.learn(tier2, this.#options.tier2, { score, isAttack, wasFlagged: tier > 1 })
    this.#tuner.learn(tier3, this.#options.tier3, { score, isAttack, wasFlagged: tier > 2 })
  }
}

function bounded(threshold: number, start: number): number {
  const least = Math.max(THRESHOLD_MIN, start - MOVED_MAX)
  return Math.min(start + MOVED_MAX, Math.max(least, threshold))
}
