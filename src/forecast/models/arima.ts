/**
 * ARIMA with automatic order (Box, Jenkins, 1970): differences by their variance, coefficients by the regression of Hannan and Rissanen
 * (1982), order by the corrected criterion of Akaike (Hurvich, Tsai, 1989). Season enters by a seasonal difference and by one
 * autoregressive and one moving term at the season's lag.
 *
 * @module
 */
import { NormalEquations } from '../../math/ridge.ts'
import { guarded } from './guarded.ts'

export interface ArimaState {
  /** Lags that were differenced, in order: `[24, 1]` is a seasonal difference, then a plain one. */
  readonly differences: readonly number[]
  /** The last values before each difference, oldest first. */
  readonly tails: readonly Float64Array[]
  readonly order: ArimaOrder
  /** Intercept, then one for each autoregressive lag, then one for each moving one. */
  readonly coefficients: Float64Array
  /** The last differenced values and their errors, oldest first, as many as the longest lag. */
  readonly values: Float64Array
  readonly errors: Float64Array
}

export interface ArimaOrder {
  readonly autoregressive: readonly number[]
  readonly moving: readonly number[]
}

/** Orders tried, each with and without seasonal terms: Hyndman and Khandakar (2008) seldom choose more than three. */
const ORDER_MAX = 3
/** The season enters by regression rows of its length: hours of a week, not minutes of a day. */
const SEASON_MAX = 168
/** A difference leaves 2 (1 - r) of the variance, r the autocorrelation at its lag: one step, r above 0.95, near a unit root ... */
const STEP_LEAVES_MAX = 0.1
/** ... and a season, r above 0.6: strong, near the 0.64 of Hyndman and Khandakar (2008). */
const SEASON_LEAVES_MAX = 0.8
/** Against lags that are one another's copies. */
const LAMBDA = 1e-6

export const arima = guarded<ArimaState>({
  name: 'arima',
  knownMin: () => 12,
  fit(values, frame) {
    const season = frame.seasons.find((length) => length > 1 && length <= SEASON_MAX) ?? 0
    const usable = values.length >= 3 * season ? season : 0
    const { differences, levels } = differenced(values, usable)
    const series = levels.at(-1) ?? values
    const { order, coefficients, errors } = chooseOrder(series, usable)
    const longest = longestLag(order)
    return {
      differences,
      tails: differences.map((lag, i) => (levels[i] ?? values).slice(-lag)),
      order,
      coefficients,
      values: series.slice(-longest),
      errors: errors.slice(-longest),
    }
  },
  update(state, value) {
    let left = value
    for (const tail of state.tails) {
      const before = tail[0] ?? 0
      push(tail, left)
      left -= before
    }
    const error = left - expected(state, state.values, state.errors)
    push(state.values, left)
    push(state.errors, error)
  },
  forecast(state, steps) {
    const values = state.values.slice()
    const errors = state.errors.slice()
    const tails = state.tails.map((tail) => tail.slice())
    return Float64Array.from({ length: steps }, () => {
      let next = expected(state, values, errors)
      push(values, next)
      push(errors, 0)
      for (const tail of tails.toReversed()) {
        next += tail[0] ?? 0
        push(tail, next)
      }
      return next
    })
  },
})

function push(ring: Float64Array, value: number): void {
  ring.copyWithin(0, 1)
  if (ring.length > 0) ring[ring.length - 1] = value
}

const longestLag = ({ autoregressive, moving }: ArimaOrder) =>
  Math.max(1, ...autoregressive, ...moving)

function expected(
  { order, coefficients }: Pick<ArimaState, 'order' | 'coefficients'>,
  values: Float64Array,
  errors: Float64Array,
): number {
  const row = rowAt(values, errors, values.length, order)
  return row.reduce((sum, x, i) => sum + x * (coefficients[i] ?? 0), 0)
}

function rowAt(
  values: Float64Array,
  errors: Float64Array,
  t: number,
  { autoregressive, moving }: ArimaOrder,
): Float64Array {
  const row = new Float64Array(1 + autoregressive.length + moving.length)
  row[0] = 1
  for (const [i, lag] of autoregressive.entries()) row[1 + i] = values[t - lag] ?? 0
  for (const [i, lag] of moving.entries()) row[1 + autoregressive.length + i] = errors[t - lag] ?? 0
  return row
}

/** Differences while they pay: the season's first. `levels` holds the series before each, and what is left at the end. */
function differenced(values: Float64Array, season: number) {
  const differences: number[] = []
  const levels = [values]
  for (const lag of season > 0 ? [season, 1] : [1, 1]) {
    const series = levels.at(-1) ?? values
    const leavesMax = lag > 1 ? SEASON_LEAVES_MAX : STEP_LEAVES_MAX
    const next = series.subarray(lag).map((value, t) => value - (series[t] ?? 0))
    if (next.length < 8 || !(variance(next) < leavesMax * variance(series))) continue
    differences.push(lag)
    levels.push(next)
  }
  return { differences, levels }
}

function variance(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}

function chooseOrder(series: Float64Array, season: number) {
  const shocks = innovations(series, season)
  let best = fitOrder(series, shocks, { autoregressive: [], moving: [] }, season)
  for (const order of ordersOf(season)) {
    if (series.length < 4 * (longestLag(order) + 2)) continue
    const fitted = fitOrder(series, shocks, order, season)
    if (fitted.criterion < best.criterion) best = fitted
  }
  return best
}

function ordersOf(season: number): ArimaOrder[] {
  const plain = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
  const counts = plain(ORDER_MAX + 1).map((count) => count - 1)
  const seasonal = season > ORDER_MAX ? [[], [season]] : [[]]
  return counts.flatMap((p) =>
    counts.flatMap((q) =>
      seasonal.flatMap((P) =>
        seasonal.map((Q) => ({ autoregressive: [...plain(p), ...P], moving: [...plain(q), ...Q] })),
      ),
    ),
  )
}

/** Hannan and Rissanen's first step: a long autoregression, whose errors stand for the shocks. */
function innovations(series: Float64Array, season: number): Float64Array {
  const long = Math.max(1, Math.min(series.length >> 3, Math.ceil(10 * Math.log10(series.length))))
  const lags = Array.from({ length: long }, (_, i) => i + 1)
  const order = { autoregressive: season > long ? [...lags, season] : lags, moving: [] }
  return errorsOf(series, order, regress(series, new Float64Array(series.length), order, 0))
}

/** Rows that every order is fitted to, so that their criteria can be compared. */
function fitOrder(series: Float64Array, shocks: Float64Array, order: ArimaOrder, season: number) {
  const from = Math.min(Math.max(season, ORDER_MAX), series.length >> 1)
  const coefficients = regress(series, shocks, order, from)
  const errors = errorsOf(series, order, coefficients)
  const used = errors.subarray(from)
  const mean = used.reduce((sum, error) => sum + error * error, 0) / used.length
  const parameters = coefficients.length + 1
  const correction = (2 * parameters * (parameters + 1)) / Math.max(1, used.length - parameters - 1)
  const criterion = used.length * Math.log(mean + Number.MIN_VALUE) + 2 * parameters + correction
  return { order, coefficients, errors, criterion: Number.isNaN(criterion) ? Infinity : criterion }
}

function regress(series: Float64Array, shocks: Float64Array, order: ArimaOrder, from: number) {
  const equations = new NormalEquations(1 + order.autoregressive.length + order.moving.length)
  for (let t = Math.max(from, longestLag(order)); t < series.length; t++) {
    equations.add(rowAt(series, shocks, t, order), series[t] ?? 0)
  }
  return equations.solve(LAMBDA)
}

/** One-step errors with their own moving terms; those that would grow without bound come out as not finite. */
function errorsOf(series: Float64Array, order: ArimaOrder, coefficients: Float64Array) {
  const errors = new Float64Array(series.length)
  for (let t = longestLag(order); t < series.length; t++) {
    const row = rowAt(series, errors, t, order)
    let sum = series[t] ?? 0
    for (const [i, x] of row.entries()) sum -= x * (coefficients[i] ?? 0)
    errors[t] = sum
  }
  return errors
}
