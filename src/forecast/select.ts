/**
 * Which model speaks. {@link chooseModel} picks the one that did best on the last part of a history, by a rolling backtest,
 * when models are fitted. {@link judge} watches the chosen one while it runs: a forecast that does not beat the naive ones
 * on recent data is replaced by the best of them, and says so.
 *
 * @module
 */
import { fadedSince } from '../math/fading.ts'
import { backtest } from './backtest.ts'
import type { ForecastModel, SeriesFrame } from './model.ts'

export interface Verdict {
  /** Which of the contest's models speaks. */
  readonly index: number
  readonly model: string
  readonly demoted: boolean
  readonly reason: string
}

/** Recent errors of the chosen model, first, and of the naive ones. Plain data. */
export interface Contest {
  readonly names: readonly string[]
  /** Sums of absolute errors, fading. */
  readonly errors: number[]
  /** Sum of values, fading alike: errors over it are WAPE. */
  values: number
  /** Forecasts judged ever. */
  judged: number
  demoted: boolean
}

/** Steps after which an error counts half: 1440 minutes' errors have a mean age of a day's two thirds. */
export const ERRORS_HALF_LIFE = 720
/** Judged forecasts before anybody is demoted: an hour of minutes. */
export const JUDGED_MIN = 60
/** Demoted at this ratio to the best naive model... */
const DEMOTED_ABOVE = 1
/** ...and back below this one: else two equals would change places all day. */
const RESTORED_BELOW = 0.97

/** @param names the chosen model's first, then those of the naive ones */
export function openContest(names: readonly string[]): Contest {
  return { names, errors: names.map(() => 0), values: 0, judged: 0, demoted: false }
}

/** @param forecasts what each model said of this value, in the order of their names */
export function judge(contest: Contest, forecasts: readonly number[], actual: number): void {
  const keep = fadedSince(0, 1, ERRORS_HALF_LIFE)
  for (let i = 0; i < contest.errors.length; i++) {
    const error = Math.abs((forecasts[i] ?? 0) - actual)
    contest.errors[i] = keep * (contest.errors[i] ?? 0) + error
  }
  contest.values = keep * contest.values + actual
  contest.judged++
  if (contest.judged < JUDGED_MIN) return
  const [own = 0, ...naive] = contest.errors
  const limit = (contest.demoted ? RESTORED_BELOW : DEMOTED_ABOVE) * Math.min(...naive)
  contest.demoted = own > limit
}

export function verdictOf(contest: Contest): Verdict {
  const { names, errors, demoted, judged } = contest
  const [own = 0, ...naive] = errors
  const best = naive.reduce((best, error, i) => (error < (errors[best] ?? 0) ? i + 1 : best), 1)
  const index = demoted ? best : 0
  const percent = (error: number) =>
    contest.values > 0 ? `${((100 * error) / contest.values).toFixed(1)} %` : 'none'
  const compared = `recent error ${percent(own)}, of ${names[best]} ${percent(errors[best] ?? 0)}`
  return {
    index,
    model: names[index] ?? '',
    demoted,
    reason: judged < JUDGED_MIN ? `too few forecasts judged: ${judged}` : compared,
  }
}

/** Share of a history that models are compared on, its last, and how often they forecast there. */
const COMPARED_SHARE = 0.2
const COMPARED_ORIGINS = 200

/**
 * The model with the least error over all horizons, each horizon weighted by the error of the last value there.
 *
 * @param models one at least; the first wins where nothing can be compared
 */
export function chooseModel(
  models: readonly ForecastModel<unknown>[],
  history: Float64Array,
  frame: SeriesFrame,
  horizons: readonly number[],
): number {
  if (models.length < 2) return 0
  const from = Math.floor(history.length * (1 - COMPARED_SHARE))
  const every = Math.max(1, Math.floor((history.length - from) / COMPARED_ORIGINS))
  let best = 0
  let least = Number.POSITIVE_INFINITY
  models.forEach((model, i) => {
    const scores = backtest(model, history, frame, { horizons, from, every })
    const mean = scores.reduce((sum, { ratioLast }) => sum + ratioLast, 0) / scores.length
    if (mean < least) {
      least = mean
      best = i
    }
  })
  return best
}
