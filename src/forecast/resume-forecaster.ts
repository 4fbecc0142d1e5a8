/**
 * A forecaster that was kept goes on: taken to now, through what is unknown. One of an earlier Limen with other models keeps its
 * history, to which ours are fitted.
 *
 * @module
 */
import {
  type ForecasterOptions,
  type ForecasterState,
  forecastAhead,
  keepKnownFit,
  passTime,
} from './forecaster.ts'
import { aheadMaxS } from './series.ts'

/**
 * @param state is changed, also when the answer is no
 * @param nowS seconds since 1970
 * @param awayMostS unknown steps are gone through one by one, 80 us each (2026-11-23): longer away, and it is to be begun anew
 * @returns false: kept under other options, too long ago, or broken
 */
export function resumeForecaster(
  state: ForecasterState,
  nowS: number,
  options: ForecasterOptions,
  awayMostS: number,
): boolean {
  try {
    if (JSON.stringify(state.options) !== JSON.stringify(options)) return false
    if (nowS - state.series.openS > awayMostS) return false
    keepKnownFit(state)
    const strideS = aheadMaxS(state.series.stepS)
    while (nowS - state.series.openS > strideS) {
      passTime(state, state.series.openS + strideS)
    }
    passTime(state, nowS)
    const { values, low, high } = forecastAhead(state, 1)
    return [...values, ...low, ...high].every(Number.isFinite)
  } catch {
    return false
  }
}
