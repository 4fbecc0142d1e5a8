/**
 * How good a model would have been: forecasts from origin after origin, each knowing only what came before, against what
 * came then. Models are refitted on the way and updated in between, as they are when they run.
 *
 * @module
 */
import type { ForecastModel, SeriesFrame } from './model.ts'

export interface BacktestOptions {
  /** Steps ahead that are scored. */
  readonly horizons: readonly number[]
  /** The first origin: how many values are known there. */
  readonly from: number
  /** Steps between origins, 1 by default. */
  readonly every?: number
  /** Steps between refits; by default the model is fitted once, at the first origin. */
  readonly refitEvery?: number
}

/** Errors at one horizon. Origins whose last or target value is unknown are left out; NaN where nothing is left. */
export interface HorizonScore {
  readonly steps: number
  readonly count: number
  /** Sum of absolute errors over sum of values. */
  readonly wape: number
  /** Mean absolute error over that of the seasonal naive model one step ahead on the values before `from` (Hyndman and Koehler, 2006). */
  readonly mase: number
  /** Absolute error over that of the last value. */
  readonly ratioLast: number
  /** Over that of the value one shortest season, or several, before: the last known such. */
  readonly ratioSeasonal: number
}

export function backtest<State>(
  model: ForecastModel<State>,
  history: Float64Array,
  frame: SeriesFrame,
  options: BacktestOptions,
): readonly HorizonScore[] {
  const { horizons, from, every = 1, refitEvery = Number.POSITIVE_INFINITY } = options
  const season = frame.seasons[0] ?? 1
  const tallies = horizons.map(openTally)
  const furthest = Math.max(0, ...horizons)
  let state = model.fit(history.slice(0, from), frame)
  let fitted = from
  for (let known = from; known < history.length; known++) {
    if (known - fitted >= refitEvery) {
      state = model.fit(history.slice(0, known), frame)
      fitted = known
    } else if (known > from) model.update(state, history[known - 1] ?? Number.NaN)
    if ((known - from) % every !== 0) continue
    const path = model.forecast(state, furthest)
    for (const tally of tallies) {
      addToTally(tally, history, known, season, path[tally.steps - 1] ?? Number.NaN)
    }
  }
  const scale = naiveError(history.subarray(0, from), season)
  return tallies.map((tally) => scoreOf(tally, scale))
}

/** Sums over origins of absolute errors, for those who run a model themselves. */
export interface Tally {
  readonly steps: number
  count: number
  values: number
  error: number
  errorLast: number
  errorSeasonal: number
}

export function openTally(steps: number): Tally {
  return { steps, count: 0, values: 0, error: 0, errorLast: 0, errorSeasonal: 0 }
}

/** @param known values known at the origin @param forecast what the model says of value `known + steps - 1` */
export function addToTally(
  tally: Tally,
  history: Float64Array,
  known: number,
  season: number,
  forecast: number,
): void {
  const target = known + tally.steps - 1
  const actual = history[target] ?? Number.NaN
  const last = history[known - 1] ?? Number.NaN
  if (Number.isNaN(actual) || Number.isNaN(last)) return
  let before = target - season * Math.ceil(tally.steps / season)
  while (before >= 0 && Number.isNaN(history[before])) before -= season
  tally.count++
  tally.values += Math.abs(actual)
  tally.error += Math.abs(forecast - actual)
  tally.errorLast += Math.abs(last - actual)
  tally.errorSeasonal += Math.abs((history[before] ?? last) - actual)
}

/** @param scale mean absolute error of the seasonal naive model on other data; NaN when MASE is not wanted */
export function scoreOf(tally: Tally, scale: number): HorizonScore {
  return {
    steps: tally.steps,
    count: tally.count,
    wape: tally.error / tally.values,
    mase: tally.error / tally.count / scale,
    ratioLast: tally.error / tally.errorLast,
    ratioSeasonal: tally.error / tally.errorSeasonal,
  }
}

function naiveError(history: Float64Array, season: number): number {
  let sum = 0
  let count = 0
  for (let t = season; t < history.length; t++) {
    const change = Math.abs((history[t] ?? Number.NaN) - (history[t - season] ?? Number.NaN))
    if (Number.isNaN(change)) continue
    sum += change
    count++
  }
  return sum / count
}
