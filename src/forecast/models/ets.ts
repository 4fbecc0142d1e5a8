/**
 * Exponential smoothing chosen by likelihood (Hyndman, Koehler, Ord, Snyder, "Forecasting with Exponential Smoothing", 2008): additive
 * errors; no trend, trend or damped trend; no season, additive or multiplicative season of the shortest kind. The smoothing
 * rates are estimated, the first states are taken from the first two seasons and not estimated: with hundreds of values they
 * no longer matter. The order is chosen by AICc.
 *
 * @module
 */
import { minimise } from '../../math/nelder-mead.ts'
import { guarded } from './guarded.ts'

export type Trend = 'none' | 'line' | 'damped'
export type Season = 'none' | 'added' | 'multiplied'

export interface EtsState {
  readonly trend: Trend
  readonly season: Season
  readonly rates: Rates
  level: number
  slope: number
  /** By time modulo its length; a single 0 or 1 without season. */
  readonly table: Float64Array
  /** Steps seen. */
  time: number
}

export interface Rates {
  readonly level: number
  readonly slope: number
  readonly season: number
  /** What is left of the slope after each step. */
  readonly damping: number
}

export const ets = guarded<EtsState>({
  name: 'ets',
  knownMin: () => 4,
  fit(values, frame) {
    const season = frame.seasons[0] ?? 1
    const seasonal = season > 1 && season <= SEASON_MAX && values.length >= 3 * season
    const positive = values.every((value) => value > 0)
    const trends: Trend[] = ['none', 'line', 'damped']
    const kinds: Season[] = seasonal ? (positive ? ['added', 'multiplied'] : ['added']) : ['none']
    const fits = kinds.flatMap((kind) =>
      trends.map((trend) => estimate(values, trend, kind, kind === 'none' ? 1 : season)),
    )
    return fits.reduce((best, fit) => (fit.criterion < best.criterion ? fit : best)).state
  },
  update: (state, value) => {
    step(state, value)
  },
  forecast(state, steps) {
    let slopes = 0
    let factor = 1
    return Float64Array.from({ length: steps }, (_, h) => {
      factor *= state.rates.damping
      slopes += factor
      const term = state.table[(state.time + h) % state.table.length] ?? 0
      return withSeason(state.season, state.level + slopes * state.slope, term)
    })
  },
})

/** First states of a season this long are most of the parameters already: hours of a week, not minutes of a day. */
const SEASON_MAX = 168
/** Evaluations for each kind of model: a bound on time, not tuned. */
const EVALUATIONS_MAX = 120

const withSeason = (kind: Season, value: number, term: number) =>
  kind === 'multiplied' ? value * term : value + term

/** @returns the error of the forecast of this value */
function step(state: EtsState, value: number): number {
  const { rates, season, table } = state
  const at = state.time % table.length
  const term = table[at] ?? 0
  const before = state.level + rates.damping * state.slope
  const error = value - withSeason(season, before, term)
  const scaled = season === 'multiplied' ? error / (term || 1) : error
  state.level = before + rates.level * scaled
  state.slope = rates.damping * state.slope + rates.slope * scaled
  if (season === 'added') table[at] = term + rates.season * error
  if (season === 'multiplied') table[at] = term + (rates.season * error) / (before || 1)
  state.time++
  return error
}

function begin(
  values: Float64Array,
  trend: Trend,
  season: Season,
  length: number,
  rates: Rates,
): EtsState {
  const mean = (from: number) =>
    values.subarray(from, from + length).reduce((sum, value) => sum + value, 0) / length
  const first = mean(0)
  const slope = trend === 'none' ? 0 : (mean(length) - first) / length
  // The mean stands for the middle of the first season; the state for the step before its first value.
  const level = first - (slope * (length + 1)) / 2
  const table = new Float64Array(length)
  for (let t = 0; t < length && season !== 'none'; t++) {
    const line = level + slope * (t + 1)
    table[t] = season === 'added' ? (values[t] ?? 0) - line : (values[t] ?? 0) / (line || 1)
  }
  return { trend, season, rates, level, slope, table, time: 0 }
}

function estimate(values: Float64Array, trend: Trend, season: Season, length: number) {
  const run = (rates: Rates) => {
    const state = begin(values, trend, season, length, rates)
    let square = 0
    for (const value of values) square += step(state, value) ** 2
    return { state, square }
  }
  const cost = (point: Float64Array) => run(ratesAt(point, trend, season)).square
  const start = Float64Array.of(
    -1,
    ...(trend === 'none' ? [] : [-4]),
    ...(season === 'none' ? [] : [-2]),
    ...(trend === 'damped' ? [2] : []),
  )
  const { point } = minimise(cost, start, { stepSize: 1.5, evaluationsMax: EVALUATIONS_MAX })
  const { state, square } = run(ratesAt(point, trend, season))
  const n = values.length
  const parameters =
    point.length + 2 + (trend === 'none' ? 0 : 1) + (season === 'none' ? 0 : length)
  const correction = (2 * parameters * (parameters + 1)) / Math.max(1, n - parameters - 1)
  const criterion = n * Math.log(square / n + Number.MIN_VALUE) + 2 * parameters + correction
  return { state, criterion: Number.isNaN(criterion) ? Number.POSITIVE_INFINITY : criterion }
}

/** Rates in their usual region: each between 0 and 1, that of the slope below that of the level, that of the season below 1 - level. */
function ratesAt(point: Float64Array, trend: Trend, season: Season): Rates {
  const shares = Array.from(point, (x) => 1 / (1 + Math.exp(-x)))
  const level = shares.shift() ?? 0
  const slope = trend === 'none' ? 0 : level * (shares.shift() ?? 0)
  const seasonal = season === 'none' ? 0 : (1 - level) * (shares.shift() ?? 0)
  // 0.8 to 0.98: the region of the book, 2.5.2.
  const damping = trend === 'damped' ? 0.8 + 0.18 * (shares.shift() ?? 0) : 1
  return { level, slope, season: seasonal, damping }
}
