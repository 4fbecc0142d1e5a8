/**
 * Ridge regression on logarithms of counts, one per horizon: how much a series grows from its level now, told by its last
 * values, by how it went at this time on the days before, and by the time of day. Fitted for least absolute error, which is
 * what WAPE measures, by reweighting (Schlossmacher, 1973); logarithms keep the median, so nothing is corrected going back.
 *
 * There are two of each, and their mean speaks: one learned from weeks in `fit`, and one that began there and goes on learning with each
 * `update` and forgets as it does (`recursive-fit.ts`). The first is calm, the second sees that days have changed.
 * How this was chosen: docs/decisions/0015-load-forecasts.md.
 *
 * @module
 */
import { NormalEquations } from '../../math/ridge.ts'
import type { ForecastModel, SeriesFrame } from '../model.ts'
import { appendTo, meanLog, type PastSums, pastSumsOf } from './past-sums.ts'
import { learnRow, openRecursiveFit, type RecursiveFit } from './recursive-fit.ts'

export interface LogRidgeOptions {
  /** Steps ahead with a regression of their own, ascending; what lies between is interpolated. */
  readonly horizons: readonly number[]
  /** Values learned from: so many shortest seasons. */
  readonly windowSeasons: number
  /** See {@link NormalEquations}. */
  readonly lambda: number
}

/** Chosen on the first 60 % of both development traces (docs/decisions/0015). */
export const LOG_RIDGE_DEFAULTS: LogRidgeOptions = {
  horizons: [1, 5, 15, 30, 60],
  windowSeasons: 14,
  lambda: 1e-3,
}

export interface LogRidgeState {
  readonly past: PastSums
  /** Steps of the shortest season, 0 for none. */
  readonly season: number
  /** Steps since the epoch of the value that comes next: where in its season it stands. */
  phase: number
  readonly horizons: readonly number[]
  /** Per horizon; empty when there was too little to learn from. */
  readonly coefficients: readonly Float64Array[]
  /** Per horizon, the one that goes on learning; null when there was too little to learn from. */
  readonly recent: readonly (RecursiveFit | null)[]
  /** The greatest value seen, fading. */
  peak: number
}

export function logRidge(
  options: LogRidgeOptions = LOG_RIDGE_DEFAULTS,
): ForecastModel<LogRidgeState> {
  return {
    name: 'log-ridge',
    fit: (history, frame) => fit(history, frame, options),
    update,
    forecast,
  }
}

/** Lags taken one by one, in steps: 0 is the last value. */
const LAGS = 5
/** The level a forecast grows from is the mean of so many last values: the last alone is mostly noise. */
const LEVEL_STEPS = 10
/** Means of that many last values: slopes at several scales. */
const MEANS = [5, 15, 30, 60, 120]
/** Seasons back that the shape around the target is averaged over: a week of days. */
const SHAPE_SEASONS = 7
/** Half the width the shape is smoothed with: 15 of a day's 1440 minutes; less where a season has few steps. */
const SHAPE_HALF = 7
const SHAPE_PARTS = 96
/** Fourier terms of the shortest season; 8 and 12 were no better. */
const HARMONICS = 6
/** No forecast exceeds the fading peak of what was seen by more. */
const PEAK_FACTOR = 2
/** What the peak loses per season. */
const PEAK_FADES = 0.1
/** Without a season: values learned from. */
const WINDOW_PLAIN = 2000
/** Rows per column below which nothing is learned. */
const ROWS_MIN = 4
const REWEIGHTINGS = 7
/**
 * Neighbouring rows say nearly the same: all but the last rounds look at every fourth. (Every fourth in all rounds: ratio 0.004
 * worse on one trace, 0.001 on the other, development data, 15 minutes.)
 */
const ROUND_STRIDE = 4
const ROUNDS_FULL = 2
/** Residuals (logarithms) below this weigh the same: absolute error is rounded there. */
const RESIDUAL_MIN = 0.02
/** Half-life of what goes on learning, in rows: half a day of minutes, some thirty rows for each column (docs/decisions/0015). */
const RECENT_HALF_LIFE = 720
const RECENT_KEEP = 0.5 ** (1 / RECENT_HALF_LIFE)
/** What goes on learning begins so many half-lives before the end of the history: of where it began a thirtieth is left. */
const RECENT_WARMUP = 5

function fit(
  history: Float64Array,
  frame: SeriesFrame,
  { horizons, windowSeasons, lambda }: LogRidgeOptions,
): LogRidgeState {
  const season = frame.seasons[0] ?? 0
  const lookback = lookbackOf(season, horizons)
  const window = season > 0 ? windowSeasons * season : WINDOW_PLAIN
  const keep = Math.min(history.length, window + lookback)
  const known = withoutOutages(history.subarray(history.length - keep))
  const phase = Math.round(frame.startS / frame.stepS) + history.length
  const learning: Place = { past: pastSumsOf(known, known.length), season, phase }
  const past = pastSumsOf(known.subarray(-lookback), lookback + ROOM)
  const first = Math.max(LEVEL_STEPS, known.length - window)
  const learned = horizons.map((h) => regression(learning, first, h, lambda))
  return {
    past,
    season,
    phase,
    horizons,
    coefficients: learned.map(({ coefficients }) => coefficients),
    recent: learned.map(({ recent }) => recent),
    peak: known.reduce((most, value) => (value > most ? value : most), 0),
  }
}

/** What a forecast looks back on, and before it what was looked back on when the values that come now were forecast. */
function lookbackOf(season: number, horizons: readonly number[]): number {
  const longest = Math.max(LEVEL_STEPS, ...MEANS) + Math.max(0, ...horizons)
  return season > 0 ? SHAPE_SEASONS * season + 2 * SHAPE_HALF + longest : 2 * longest
}

type Learned = Readonly<{ coefficients: Float64Array; recent: RecursiveFit | null }>

/**
 * Least absolute error for growth over `h` steps, over the rows from `first` on. A row weighs the square root of its level:
 * busy hours make most of WAPE, but with their full weight a single flash decides all.
 */
function regression(place: Place, first: number, h: number, lambda: number): Learned {
  const columns = columnsOf(place.season)
  const { values, length } = place.past
  const rows: Float64Array[] = []
  const targets: number[] = []
  const weights: number[] = []
  for (let t = first; t + h < length; t++) {
    const target = values[t + h] ?? Number.NaN
    if (Number.isNaN(target) || Number.isNaN(values[t] ?? Number.NaN)) continue
    const row = new Float64Array(columns)
    const level = writeRow(place, t, h, row)
    rows.push(row)
    targets.push(Math.log1p(target) - level)
    weights.push(Math.sqrt(Math.exp(level)))
  }
  if (rows.length < ROWS_MIN * columns) return { coefficients: new Float64Array(0), recent: null }
  let coefficients = new Float64Array(columns)
  let gram = new Float64Array()
  for (let round = 0; round <= REWEIGHTINGS; round++) {
    const equations = new NormalEquations(columns)
    const stride = round > REWEIGHTINGS - ROUNDS_FULL ? 1 : ROUND_STRIDE
    for (let i = 0; i < rows.length; i += stride) {
      const row = rows[i] ?? coefficients
      const target = targets[i] ?? 0
      const weight = weights[i] ?? 0
      const residual = Math.abs(target - dot(row, coefficients))
      equations.add(row, target, round === 0 ? weight : weight / Math.max(RESIDUAL_MIN, residual))
    }
    coefficients = equations.solve(lambda)
    gram = equations.gram
  }
  // Faded, rows without end come to a half-life / ln 2.
  const share = Math.min(1, RECENT_HALF_LIFE / Math.LN2 / rows.length)
  const recent = openRecursiveFit(gram, coefficients, share, lambda)
  for (let i = Math.max(0, rows.length - RECENT_WARMUP * RECENT_HALF_LIFE); i < rows.length; i++) {
    learnRecent(recent, rows[i] ?? coefficients, targets[i] ?? 0, weights[i] ?? 0)
  }
  return { coefficients, recent }
}

/** As in the rounds of {@link regression}: a row weighs by its level and less the farther it is off. */
function learnRecent(
  recent: RecursiveFit,
  row: Float64Array,
  target: number,
  weight: number,
): void {
  const error = target - dot(row, recent.coefficients)
  const scaled = weight / Math.max(RESIDUAL_MIN, Math.abs(error))
  learnRow(recent, row, error, scaled, RECENT_KEEP)
}

function update(state: LogRidgeState, value: number): void {
  push(state.past, value, lookbackOf(state.season, state.horizons))
  state.phase++
  learn(state)
  const fade = state.season > 0 ? PEAK_FADES / state.season : 0
  state.peak = Math.max(state.peak * (1 - fade), value >= 0 ? value : 0)
}

/** The last value is what the forecasts of `h` steps ago were about. */
function learn(state: LogRidgeState): void {
  const { past, season, horizons, recent } = state
  const now = past.length - 1
  const value = past.values[now] ?? Number.NaN
  if (Number.isNaN(value) || isOutage(state, now)) return
  const row = new Float64Array(columnsOf(season))
  for (const [i, h] of horizons.entries()) {
    const one = recent[i]
    const t = now - h
    if (!one || t < LEVEL_STEPS || Number.isNaN(past.values[t]) || isOutage(state, t)) continue
    const level = writeRow(state, t, h, row)
    learnRecent(one, row, Math.log1p(value) - level, Math.exp(level / 2))
  }
}

/** A zero where there never is one at this time of the season: it teaches nothing, see {@link withoutOutages}. */
function isOutage({ past, season }: Place, t: number): boolean {
  return past.values[t] === 0 && shapeAt(past, season, t, t) >= Math.log1p(OUTAGE_MEAN)
}

function forecast(state: LogRidgeState, steps: number): Float64Array {
  const { past, season, horizons, coefficients, recent, peak } = state
  const out = new Float64Array(steps)
  const row = new Float64Array(columnsOf(season))
  const t = past.length - 1
  const most = Math.log1p(PEAK_FACTOR * peak)
  let before = 0
  let from = levelAt(past, t)
  for (let i = 0; i < horizons.length && before < steps; i++) {
    const h = horizons[i] ?? 0
    const learned = coefficients[i] ?? row
    let to = writeRow(state, t, h, row)
    if (learned.length === row.length) {
      to += (dot(row, learned) + dot(row, recent[i]?.coefficients ?? learned)) / 2
    }
    to = Math.min(most, Math.max(0, to))
    for (let k = before + 1; k <= Math.min(h, steps); k++) {
      out[k - 1] = Math.expm1(from + ((to - from) * (k - before)) / (h - before))
    }
    before = h
    from = to
  }
  const shape = shapeAt(past, season, t + before, t)
  for (let k = before + 1; k <= steps; k++) {
    const growth = shapeAt(past, season, t + k, t) - shape
    const to = Number.isNaN(growth) ? from : from + growth
    out[k - 1] = Math.expm1(Math.min(most, Math.max(0, to)))
  }
  return out
}

function columnsOf(season: number): number {
  return 1 + LAGS + MEANS.length + (season > 0 ? 2 + 2 * harmonicsOf(season) : 0)
}

function harmonicsOf(season: number): number {
  return Math.min(HARMONICS, Math.floor((season - 1) / 2))
}

interface Place {
  readonly past: PastSums
  readonly season: number
  /** Of the value after the last of `past`. */
  readonly phase: number
}

/** What is known at `t` of the growth until `t + h`; unknown terms are 0. @returns the level it grows from, a logarithm */
function writeRow({ past, season, phase }: Place, t: number, h: number, row: Float64Array): number {
  const level = levelAt(past, t)
  const set = (at: number, term: number) => {
    row[at] = Number.isNaN(term) ? 0 : term
  }
  let at = 0
  row[at++] = 1
  for (let lag = 0; lag < LAGS; lag++) {
    set(at++, Math.log1p(past.values[t - lag] ?? Number.NaN) - level)
  }
  for (const steps of MEANS) set(at++, meanLog(past, t + 1 - steps, t + 1) - level)
  if (season === 0) return level
  const here = shapeAt(past, season, t, t)
  set(at++, shapeAt(past, season, t + h, t) - here)
  set(at++, here - level)
  const angle = (2 * Math.PI * ((phase - past.length + t + h) % season)) / season
  for (let k = 1; k <= harmonicsOf(season); k++) {
    row[at++] = Math.sin(k * angle)
    row[at++] = Math.cos(k * angle)
  }
  return level
}

/** The logarithm of the level at `t`: of a longer time when the last steps are unknown, 0 when all is. */
function levelAt(past: PastSums, t: number): number {
  for (const steps of [LEVEL_STEPS, ...MEANS.slice(-2), past.length]) {
    const level = meanLog(past, t + 1 - steps, t + 1)
    if (!Number.isNaN(level)) return level
  }
  return 0
}

/** How it is at `target` by the same time in the last seasons that were over by `t`: a mean of logarithms, NaN if unknown. */
function shapeAt(past: PastSums, season: number, target: number, t: number): number {
  if (season === 0) return Number.NaN
  const half = Math.min(SHAPE_HALF, Math.floor(season / SHAPE_PARTS))
  const nearest = Math.max(1, Math.ceil((target + half - t) / season))
  let sum = 0
  let count = 0
  for (let back = nearest; back < nearest + SHAPE_SEASONS; back++) {
    const middle = target - back * season
    const mean = meanLog(past, middle - half, middle + half + 1)
    if (Number.isNaN(mean)) continue
    sum += mean
    count++
  }
  return sum / count
}

/** Steps after which what is too old is forgotten, all at once: a copy of everything is too much for each step. */
const ROOM = 360

function push(past: PastSums, value: number, lookback: number): void {
  if (past.length === past.values.length) {
    const newer = past.values.slice(-lookback)
    past.length = 0
    for (const old of newer) appendTo(past, old)
  }
  appendTo(past, value)
}

/** Zeros in a row that are no chance: a log that was off, a server that was down. */
const OUTAGE_STEPS = 10
/** The mean of so many known values before... */
const OUTAGE_BEFORE = 60
/** ...that makes them none: Poisson counts of this mean are zero ten times in a row once in e^30. */
const OUTAGE_MEAN = 3

/** An outage teaches nothing about a day: its zeros count as unknown. */
function withoutOutages(history: Float64Array): Float64Array {
  const out = Float64Array.from(history)
  const past = pastSumsOf(history, history.length)
  let start = 0
  for (let t = 0; t <= out.length; t++) {
    if (history[t] === 0) continue
    const usual = Math.expm1(meanLog(past, start - OUTAGE_BEFORE, start))
    if (t - start >= OUTAGE_STEPS && usual >= OUTAGE_MEAN) out.fill(Number.NaN, start, t)
    start = t + 1
  }
  return out
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}
