/**
 * The profile of the longest season, recent cycles counting more, and an autoregression of what departs from it: what a
 * person draws by hand. On the logarithm.
 *
 * @module
 */
import { NormalEquations } from '../../math/ridge.ts'
import { guarded } from './guarded.ts'
import { type LogScale, logScaleOf, offScale, onScale } from './log-scale.ts'

export interface ProfileState {
  readonly scale: LogScale
  /** Mean of the last season when fitted. */
  readonly level: number
  /** By time modulo its length. */
  readonly profile: Float64Array
  readonly lags: readonly number[]
  /** Intercept, then one for each lag. */
  readonly carry: Float64Array
  /** The last departures, oldest first, as many as the longest lag. */
  readonly departures: Float64Array
  /** Steps seen. */
  time: number
}

/** What a cycle counts against the one after it; between 0.6 and 0.8, which are alike on M4 Hourly (docs/decisions/0014). */
const CYCLE_KEEP = 0.7
const LAMBDA = 1e-2

export const seasonProfile = guarded<ProfileState>({
  name: 'season profile',
  knownMin: (frame) => 3 * (frame.seasons.at(-1) ?? 8),
  fit(values, { seasons }) {
    const scale = logScaleOf(values)
    const series = values.map((value) => onScale(scale, value))
    const season = seasons.at(-1) ?? 1
    const { profile, level } = profileOf(series, season)
    const departures = series.map((value, t) => value - level - (profile[t % season] ?? 0))
    const short = seasons.length > 1 ? (seasons[0] ?? 1) : 1
    const lags = [
      1,
      2,
      3,
      ...(short > 3 ? [short, short + 1] : []),
      ...(season > 3 ? [season] : []),
    ]
    const equations = new NormalEquations(lags.length + 1)
    for (let t = Math.max(...lags); t < departures.length; t++) {
      equations.add(rowAt(departures, t, lags), departures[t] ?? 0)
    }
    const carry = equations.solve(LAMBDA)
    const tail = departures.slice(-Math.max(...lags))
    return { scale, level, profile, lags, carry, departures: tail, time: series.length }
  },
  update(state, value) {
    const { departures, profile, level, scale, time } = state
    departures.copyWithin(0, 1)
    departures[departures.length - 1] =
      onScale(scale, value) - level - (profile[time % profile.length] ?? 0)
    state.time++
  },
  forecast({ scale, level, profile, lags, carry, departures, time }, steps) {
    const ahead = new Float64Array(departures.length + steps)
    ahead.set(departures)
    return Float64Array.from({ length: steps }, (_, h) => {
      const at = departures.length + h
      const row = rowAt(ahead, at, lags)
      ahead[at] = row.reduce((sum, x, i) => sum + x * (carry[i] ?? 0), 0)
      const shape = profile[(time + h) % profile.length] ?? 0
      return offScale(scale, level + shape + (ahead[at] ?? 0))
    })
  },
})

function rowAt(values: Float64Array, at: number, lags: readonly number[]): Float64Array {
  return Float64Array.of(1, ...lags.map((lag) => values[at - lag] ?? 0))
}

/** Departures from the mean over a season around each value, by phase. */
function profileOf(series: Float64Array, season: number) {
  const sums = new Float64Array(series.length + 1)
  for (const [t, value] of series.entries()) sums[t + 1] = (sums[t] ?? 0) + value
  const meanTo = (end: number) => ((sums[end] ?? 0) - (sums[end - season] ?? 0)) / season
  const profile = new Float64Array(season)
  const weights = new Float64Array(season)
  for (const [t, value] of series.entries()) {
    const end = Math.min(series.length, Math.max(season, t + 1 + (season >> 1)))
    const weight = CYCLE_KEEP ** ((series.length - t) / season)
    const at = t % season
    profile[at] = (profile[at] ?? 0) + weight * (value - meanTo(end))
    weights[at] = (weights[at] ?? 0) + weight
  }
  return {
    profile: profile.map((sum, i) => sum / (weights[i] ?? 1)),
    level: meanTo(series.length),
  }
}
