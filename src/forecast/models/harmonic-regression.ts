/**
 * Dynamic harmonic regression (Young, Pedregal, Tych, 1999; Hyndman and Athanasopoulos, "Forecasting", 10.5): a level and
 * waves of each season by ridge regression on the logarithm, then an autoregression of what is left, over the last steps and
 * the same time a season ago.
 *
 * @module
 */
import { NormalEquations } from '../../math/ridge.ts'
import { guarded } from './guarded.ts'
import { type LogScale, logScaleOf, offScale, onScale } from './log-scale.ts'

export interface HarmonicState {
  readonly scale: LogScale
  readonly seasons: readonly number[]
  readonly waves: Float64Array
  readonly lags: readonly number[]
  /** Intercept, then one for each lag. */
  readonly carry: Float64Array
  /** The last residuals, oldest first, as many as the longest lag. */
  readonly residuals: Float64Array
  /** Steps seen. */
  time: number
}

/** Waves of a season at most, from one cycle on. */
const WAVES_MAX = 12
/** Penalty of the waves: seen several times over, they need next to none. */
const WAVES_LAMBDA = 1e-4
/** Penalty of the autoregression: little, not tuned. */
const CARRY_LAMBDA = 1e-2

export const harmonicRegression = guarded<HarmonicState>({
  name: 'harmonic regression',
  knownMin: (frame) => 2 * (frame.seasons.at(-1) ?? 8),
  fit(values, { seasons }) {
    const scale = logScaleOf(values)
    const series = values.map((value) => onScale(scale, value))
    const equations = new NormalEquations(wavesAt(0, seasons).length)
    for (const [t, value] of series.entries()) equations.add(wavesAt(t, seasons), value)
    const waves = equations.solve(WAVES_LAMBDA)
    const left = series.map((value, t) => value - dot(waves, wavesAt(t, seasons)))
    const lags = lagsOf(seasons).filter((lag) => 2 * lag < left.length)
    const carry = autoregress(left, lags)
    const longest = Math.max(1, ...lags)
    return {
      scale,
      seasons,
      waves,
      lags,
      carry,
      residuals: left.slice(-longest),
      time: left.length,
    }
  },
  update(state, value) {
    const { residuals, waves, seasons } = state
    residuals.copyWithin(0, 1)
    residuals[residuals.length - 1] =
      onScale(state.scale, value) - dot(waves, wavesAt(state.time, seasons))
    state.time++
  },
  forecast({ scale, seasons, waves, lags, carry, residuals, time }, steps) {
    const ahead = new Float64Array(residuals.length + steps)
    ahead.set(residuals)
    return Float64Array.from({ length: steps }, (_, h) => {
      const at = residuals.length + h
      ahead[at] = dot(carry, rowAt(ahead, at, lags))
      return offScale(scale, dot(waves, wavesAt(time + h, seasons)) + (ahead[at] ?? 0))
    })
  },
})

/** Intercept, sines and cosines. A wave that a shorter season has too is left to that one. */
function wavesAt(time: number, seasons: readonly number[]): Float64Array {
  const row = [1]
  for (const [i, season] of seasons.entries()) {
    for (let k = 1; k <= Math.min(WAVES_MAX, season >> 1); k++) {
      if (seasons.slice(0, i).some((shorter) => (k * shorter) % season === 0)) continue
      const angle = (2 * Math.PI * k * (time % season)) / season
      row.push(Math.sin(angle), Math.cos(angle))
    }
  }
  return Float64Array.from(row)
}

function lagsOf(seasons: readonly number[]): number[] {
  return [
    1,
    2,
    3,
    ...seasons.filter((season) => season > 3).flatMap((season) => [season, season + 1]),
  ]
}

function autoregress(left: Float64Array, lags: readonly number[]): Float64Array {
  const equations = new NormalEquations(lags.length + 1)
  for (let t = Math.max(0, ...lags); t < left.length; t++) {
    equations.add(rowAt(left, t, lags), left[t] ?? 0)
  }
  return equations.solve(CARRY_LAMBDA)
}

function rowAt(values: Float64Array, at: number, lags: readonly number[]): Float64Array {
  return Float64Array.of(1, ...lags.map((lag) => values[at - lag] ?? 0))
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (const [i, value] of a.entries()) sum += value * (b[i] ?? 0)
  return sum
}
