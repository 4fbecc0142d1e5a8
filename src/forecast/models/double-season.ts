/**
 * Exponential smoothing with a season inside a season (Taylor, "Short-term electricity demand forecasting using double
 * seasonal exponential smoothing", 2003), with his correction for the first autocorrelation of the residuals. On the
 * logarithm, so that level and seasons multiply. With one season it is Holt-Winters without trend, with none simple smoothing.
 *
 * @module
 */
import { minimise } from '../../math/nelder-mead.ts'
import type { ForecastModel, SeriesFrame } from '../model.ts'
import { type Guarded, guarded } from './guarded.ts'
import { type LogScale, logScaleOf, offScale, onScale } from './log-scale.ts'

export interface DoubleSeasonState {
  readonly scale: LogScale
  readonly rates: Rates
  level: number
  /** One table for each season, indexed by time modulo its length. */
  readonly tables: readonly Float64Array[]
  /** Steps seen. */
  time: number
  /** The last residual, of which `rates.carry` is expected again. */
  residual: number
}

interface Rates {
  readonly level: number
  /** One for each season. */
  readonly seasons: readonly number[]
  readonly carry: number
}

/** @param ranks how many of the frame's seasons to follow, the shortest first */
export function doubleSeason(ranks: 1 | 2): ForecastModel<Guarded<DoubleSeasonState>> {
  const seasonsOf = (frame: SeriesFrame) => frame.seasons.slice(0, ranks)
  return guarded<DoubleSeasonState>({
    name: ranks === 1 ? 'season smoothing' : 'double season smoothing',
    knownMin: (frame) => 2 * (seasonsOf(frame).at(-1) ?? 2),
    fit(values, frame) {
      const scale = logScaleOf(values)
      const series = values.map((value) => onScale(scale, value))
      return run(series, scale, seasonsOf(frame), chooseRates(series, seasonsOf(frame))).state
    },
    update: (state, value) => {
      step(state, onScale(state.scale, value))
    },
    forecast(state, steps) {
      let carried = state.residual
      return Float64Array.from({ length: steps }, (_, h) => {
        carried *= state.rates.carry
        return offScale(state.scale, expected(state, state.time + h) + carried)
      })
    },
  })
}

function expected({ level, tables }: DoubleSeasonState, time: number): number {
  let sum = level
  for (const table of tables) sum += table[time % table.length] ?? 0
  return sum
}

/** @returns the error of the forecast of this value */
function step(state: DoubleSeasonState, value: number): number {
  const { rates, tables, time } = state
  const residual = value - expected(state, time)
  const error = residual - rates.carry * state.residual
  state.level += rates.level * error
  for (const [i, table] of tables.entries()) {
    const at = time % table.length
    table[at] = (table[at] ?? 0) + (rates.seasons[i] ?? 0) * error
  }
  state.residual = residual
  state.time = time + 1
  return error
}

interface Run {
  readonly state: DoubleSeasonState
  /** Sum of absolute errors after the first two of the longest season, which the tables were begun with. */
  readonly cost: number
}

function run(series: Float64Array, scale: LogScale, seasons: readonly number[], rates: Rates): Run {
  const { level, tables } = begin(series, seasons)
  const state: DoubleSeasonState = { scale, rates, level, tables, time: 0, residual: 0 }
  const from = Math.min(2 * (seasons.at(-1) ?? 1), series.length >> 1)
  let cost = 0
  for (const [t, value] of series.entries()) {
    const error = step(state, value)
    if (t >= from) cost += Math.abs(error)
  }
  return { state, cost }
}

/** The mean of the first longest season, and what each phase of each season differs from what the shorter ones explain. */
function begin(series: Float64Array, seasons: readonly number[]) {
  const first = series.subarray(0, seasons.at(-1) ?? 1)
  const level = first.reduce((sum, value) => sum + value, 0) / first.length
  const left = first.map((value) => value - level)
  const tables = seasons.map((season) => {
    const table = new Float64Array(season)
    for (const [t, value] of left.entries()) {
      table[t % season] =
        (table[t % season] ?? 0) + value / Math.ceil((first.length - (t % season)) / season)
    }
    for (let t = 0; t < left.length; t++) left[t] = (left[t] ?? 0) - (table[t % season] ?? 0)
    // Of the longest season one cycle was seen: half of what it shows is taken for chance.
    return season === first.length && seasons.length > 1 ? table.map((value) => value / 2) : table
  })
  return { level, tables }
}

/** Shares of level, seasons, carry to search from: the corners of the prototype's grid. */
const STARTS: readonly (readonly [number, number, number])[] = [
  [0.01, 0.15, 0.9],
  [0.05, 0.3, 0.5],
  [0.002, 0.05, 0.95],
]
/** Evaluations of the search for each start: a bound on time, not tuned. */
const EVALUATIONS_MAX = 60

function chooseRates(series: Float64Array, seasons: readonly number[]): Rates {
  const cost = (point: Float64Array) => run(series, { floor: 0 }, seasons, ratesAt(point)).cost
  const ends = STARTS.map(([level, season, carry]) =>
    minimise(
      cost,
      Float64Array.of(logit(level), logit(carry), ...seasons.map(() => logit(season))),
      {
        stepSize: 1,
        evaluationsMax: EVALUATIONS_MAX,
      },
    ),
  )
  return ratesAt(ends.reduce((best, end) => (end.value < best.value ? end : best)).point)
}

function ratesAt(point: Float64Array): Rates {
  const [level = 0, carry = 0, ...seasons] = Array.from(point, (x) => 1 / (1 + Math.exp(-x)))
  return { level, carry, seasons }
}

const logit = (share: number) => Math.log(share / (1 - share))
