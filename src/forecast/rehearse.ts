/**
 * A history that is over, run through a whole forecaster (`forecaster.ts`) as it would have come: what it said at each step,
 * against what came. Fits happen when they are due, and know only what came before.
 *
 * @module
 */
import { addToTally, type HorizonScore, openTally, scoreOf, type Tally } from './backtest.ts'
import {
  addToForecaster,
  adoptFit,
  type ForecasterOptions,
  fitDue,
  fitJob,
  fitModels,
  forecastAhead,
  openForecaster,
  passTime,
} from './forecaster.ts'
import { isBelow } from './interval.ts'
import type { Verdict } from './select.ts'

export interface RehearsalScore extends Omit<HorizonScore, 'mase'> {
  /** Share of values at or below the upper line. */
  readonly coverage: number
  /** How much more the line asks for than came, in the mean: 0.5 is half as much again. */
  readonly overprovision: number
  /** Who speaks at the end, and why. */
  readonly verdict: Verdict
}

export interface Rehearsal {
  readonly scores: readonly RehearsalScore[]
  /** At the end of the history: the next steps, to the furthest horizon. */
  readonly ahead: ReturnType<typeof forecastAhead>
}

interface LineTally extends Tally {
  covered: number
  lines: number
}

/**
 * @param startS seconds since the epoch of the first value
 * @param values NaN: unknown
 * @param from share of the values that only teach; every later one is an origin
 * @param onStep told how many values are known, for those who show progress
 */
export function rehearse(
  options: ForecasterOptions,
  startS: number,
  values: Float64Array,
  from: number,
  onStep: (known: number) => void = () => {},
): Rehearsal {
  const { stepS, horizons, seasons } = options
  const state = openForecaster(options)
  const tallies = horizons.map(
    (steps): LineTally => ({ ...openTally(steps), covered: 0, lines: 0 }),
  )
  const furthest = Math.max(...horizons)
  const season = seasons[0] ?? 1
  for (let known = 1; known <= values.length; known++) {
    const value = values[known - 1] ?? Number.NaN
    const atS = startS + (known - 1) * stepS
    if (!Number.isNaN(value)) addToForecaster(state, atS, value)
    passTime(state, atS + stepS)
    if (fitDue(state)) adoptFit(state, fitModels(fitJob(state)))
    onStep(known)
    if (known <= values.length * from) continue
    const { values: path, high } = forecastAhead(state, furthest)
    for (const tally of tallies) addScore(tally, values, known, season, path, high)
  }
  const ahead = forecastAhead(state, furthest)
  const scores = tallies.map((tally, i) => ({
    ...rehearsalScore(tally),
    verdict: ahead.verdicts[i] as Verdict,
  }))
  return { scores, ahead }
}

function addScore(
  tally: LineTally,
  values: Float64Array,
  known: number,
  season: number,
  path: Float64Array,
  high: Float64Array,
): void {
  const before = tally.count
  addToTally(tally, values, known, season, path[tally.steps - 1] ?? Number.NaN)
  if (tally.count === before) return
  const line = high[tally.steps - 1] ?? 0
  tally.lines += line
  if (isBelow(values[known + tally.steps - 1] ?? 0, line)) tally.covered++
}

function rehearsalScore(tally: LineTally): Omit<RehearsalScore, 'verdict'> {
  const { mase: _, ...score } = scoreOf(tally, Number.NaN)
  return {
    ...score,
    coverage: tally.covered / tally.count,
    overprovision: tally.lines / tally.values - 1,
  }
}
