/**
 * How much a series grows from its level now, in logarithms, one forecast per horizon: told by its last values, by how it went at
 * this time on the days before, and by the time of day (`growth-rows.ts`). Three learn it, each for least absolute error, which is
 * what WAPE measures; logarithms keep the median, so nothing is corrected going back.
 *
 * - A ridge regression over weeks: calm.
 * - The same, begun there, that goes on learning with each `update` and forgets as it does (`recursive-fit.ts`): sees that days have changed.
 * - Boosted trees over weeks: see that what follows a rise at noon is not what follows one at night.
 *
 * Who was right lately weighs more. How all this was chosen: docs/decisions/0015-load-forecasts.md.
 *
 * @module
 */
import { type BoostedTrees, boostedAnswer, fitBoostedMedians } from '../../math/boosted-trees.ts'
import { NormalEquations } from '../../math/ridge.ts'
import { seededFraction } from '../../math/seeded-chance.ts'
import { inverseErrorWeights } from '../combine.ts'
import type { ForecastModel, SeriesFrame } from '../model.ts'
import {
  columnsOf,
  isOutage,
  LEVEL_STEPS,
  levelAt,
  lookbackOf,
  type Place,
  push,
  ROOM,
  shapeAt,
  treeRow,
  withoutOutages,
  writeRow,
} from './growth-rows.ts'
import { type PastSums, pastSumsOf } from './past-sums.ts'
import { learnRow, openRecursiveFit, type RecursiveFit } from './recursive-fit.ts'

export interface LogGrowthOptions {
  /** Steps ahead that are learned each by itself, ascending; what lies between is interpolated. */
  readonly horizons: readonly number[]
  /** Values learned from: so many shortest seasons. */
  readonly windowSeasons: number
  /** See {@link NormalEquations}. */
  readonly lambda: number
}

/** Chosen on the first 60 % of both development traces (docs/decisions/0015). */
export const LOG_GROWTH_DEFAULTS: LogGrowthOptions = {
  horizons: [1, 5, 15, 30, 60],
  windowSeasons: 14,
  lambda: 1e-3,
}

export interface LogGrowthState {
  readonly past: PastSums
  /** Steps of the shortest season, 0 for none. */
  readonly season: number
  /** Steps since the epoch of the value that comes next: where in its season it stands. */
  phase: number
  readonly aheads: readonly Ahead[]
  /** The greatest value seen, fading. */
  peak: number
}

/** One horizon. */
interface Ahead {
  readonly steps: number
  /** null when there was too little to learn from. */
  readonly learned: Learned | null
  /** What each of the learners said, a ring by the phase it was about; NaN where nothing was said. */
  readonly said: Float32Array
  /** Absolute errors of each, fading. */
  readonly errors: Float64Array
  /** The logarithm that is expected, as of the last value. */
  level: number
}

interface Learned {
  readonly coefficients: Float64Array
  readonly recent: RecursiveFit
  readonly trees: BoostedTrees
}
const LEARNERS = 3

export function logGrowth(
  options: LogGrowthOptions = LOG_GROWTH_DEFAULTS,
): ForecastModel<LogGrowthState> {
  return {
    name: 'log-growth',
    fit: (history, frame) => fit(history, frame, options),
    update,
    inherit,
    forecast,
  }
}

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
/** More and smaller steps gain another thousandth, and cost as much more (docs/decisions/0015). */
const TREES = {
  trees: 100,
  depth: 5,
  rate: 0.2,
  leafWeightMin: 25,
  lambda: 10,
  rowShare: 0.6,
  columnShare: 0.5,
}
/** Of the rows, for trees: every other one. */
const TREE_STRIDE = 2
/** Trees are not led astray by one flash: a row weighs more by its level than in the regression. */
const TREE_WEIGHT_POWER = 1.5
const TREE_SEED = 1
/** Errors of the learners count half after so many steps: two days of minutes. */
const ERRORS_HALF_LIFE = 2880
const ERRORS_KEEP = 0.5 ** (1 / ERRORS_HALF_LIFE)
/** Who errs a tenth less weighs seven times as much. */
const MIX_POWER = 20

function fit(
  history: Float64Array,
  frame: SeriesFrame,
  { horizons, windowSeasons, lambda }: LogGrowthOptions,
): LogGrowthState {
  const season = frame.seasons[0] ?? 0
  const lookback = lookbackOf(season, horizons)
  const window = season > 0 ? windowSeasons * season : WINDOW_PLAIN
  const keep = Math.min(history.length, window + lookback)
  const known = withoutOutages(history.subarray(history.length - keep))
  const phase = Math.round(frame.startS / frame.stepS) + history.length
  const learning: Place = { past: pastSumsOf(known, known.length), season, phase }
  const first = Math.max(LEVEL_STEPS, known.length - window)
  const aheads = horizons.map((steps) => ({
    steps,
    learned: learnedFrom(learning, first, steps, lambda),
    said: new Float32Array(LEARNERS * steps).fill(Number.NaN),
    errors: new Float64Array(LEARNERS),
    level: 0,
  }))
  const past = pastSumsOf(known.subarray(-lookback), lookback + ROOM)
  const peak = known.reduce((most, value) => (value > most ? value : most), 0)
  const state = { past, season, phase, aheads, peak }
  expect(state)
  return state
}

/** Rows to learn from, what they came to, and what they weigh. */
interface Lessons {
  readonly rows: Float64Array[]
  readonly targets: number[]
  /** The square root of the level: busy hours make most of WAPE, but with their full weight a single flash decides all. */
  readonly weights: number[]
  readonly places: number[]
}

/** From the rows from `first` on. */
function learnedFrom(place: Place, first: number, h: number, lambda: number): Learned | null {
  const columns = columnsOf(place.season)
  const lessons = lessonsOf(place, first, h)
  if (lessons.rows.length < ROWS_MIN * columns) return null
  return { ...regressions(lessons, columns, lambda), trees: growthTrees(lessons, place) }
}

function lessonsOf(place: Place, first: number, h: number): Lessons {
  const { values, length } = place.past
  const lessons: Lessons = { rows: [], targets: [], weights: [], places: [] }
  for (let t = first; t + h < length; t++) {
    const target = values[t + h] ?? Number.NaN
    if (Number.isNaN(target) || Number.isNaN(values[t] ?? Number.NaN)) continue
    const row = new Float64Array(columnsOf(place.season))
    const level = writeRow(place, t, h, row)
    lessons.rows.push(row)
    lessons.targets.push(Math.log1p(target) - level)
    lessons.weights.push(Math.exp(level / 2))
    lessons.places.push(t)
  }
  return lessons
}

/** Least absolute error by reweighting (Schlossmacher, 1973). */
function regressions(
  { rows, targets, weights }: Lessons,
  columns: number,
  lambda: number,
): Pick<Learned, 'coefficients' | 'recent'> {
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

function growthTrees({ rows, targets, weights, places }: Lessons, place: Place): BoostedTrees {
  const chosen = places.map((_, i) => i).filter((i) => (places.length - 1 - i) % TREE_STRIDE === 0)
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length
  return fitBoostedMedians(
    chosen.map((i) => treeRow(place, places[i] ?? 0, rows[i] ?? new Float64Array())),
    Float64Array.from(chosen, (i) => targets[i] ?? 0),
    Float64Array.from(chosen, (i) => ((weights[i] ?? 0) / mean) ** TREE_WEIGHT_POWER),
    RESIDUAL_MIN,
    TREES,
    seededFraction(TREE_SEED),
  )
}

/** As in the rounds of {@link regressions}: a row weighs by its level and less the farther it is off. */
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

function update(state: LogGrowthState, value: number): void {
  const horizons = state.aheads.map(({ steps }) => steps)
  push(state.past, value, lookbackOf(state.season, horizons))
  state.phase++
  const fade = state.season > 0 ? PEAK_FADES / state.season : 0
  state.peak = Math.max(state.peak * (1 - fade), value >= 0 ? value : 0)
  learn(state)
  expect(state)
}

/** The last value is what was said of it before. */
function learn(state: LogGrowthState): void {
  const { past, season, aheads, phase } = state
  const now = past.length - 1
  const value = past.values[now] ?? Number.NaN
  if (Number.isNaN(value) || isOutage(state, now)) return
  const row = new Float64Array(columnsOf(season))
  for (const { steps, learned, said, errors } of aheads) {
    const t = now - steps
    if (!learned || t < LEVEL_STEPS || Number.isNaN(past.values[t]) || isOutage(state, t)) continue
    noteErrors(errors, said.subarray(slotOf(phase, steps)), value)
    const level = writeRow(state, t, steps, row)
    learnRecent(learned.recent, row, Math.log1p(value) - level, Math.exp(level / 2))
  }
}

function noteErrors(errors: Float64Array, said: Float32Array, value: number): void {
  if (Number.isNaN(said[0])) return
  for (const [k, error] of errors.entries()) {
    errors[k] = ERRORS_KEEP * error + Math.abs((said[k] ?? 0) - value)
  }
}

/** What each learner says of the values `steps` after the last one, and what comes of it. */
function expect(state: LogGrowthState): void {
  const { past, season, aheads, phase } = state
  const row = new Float64Array(columnsOf(season))
  const t = past.length - 1
  for (const ahead of aheads) {
    const { steps, learned, said, errors } = ahead
    ahead.level = writeRow(state, t, steps, row)
    if (learned === null) continue
    const levels = [
      ahead.level + dot(row, learned.coefficients),
      ahead.level + dot(row, learned.recent.coefficients),
      ahead.level + boostedAnswer(learned.trees, treeRow(state, t, row)),
    ]
    const counts = levels.map((level) => Math.expm1(Math.max(0, level)))
    said.set(counts, slotOf(phase, steps))
    ahead.level = dot(inverseErrorWeights([...errors], MIX_POWER), levels)
  }
}

/** Where in the ring; a phase before the epoch is negative. */
function slotOf(phase: number, steps: number): number {
  return LEARNERS * (((phase % steps) + steps) % steps)
}

/** The learners are new, but each is of the same kind as before. */
function inherit(state: LogGrowthState, before: LogGrowthState): void {
  for (const [i, { steps, said, errors }] of state.aheads.entries()) {
    const old = before.aheads[i]
    if (old?.steps !== steps) continue
    said.set(old.said)
    errors.set(old.errors)
  }
  expect(state)
}

function forecast(state: LogGrowthState, steps: number): Float64Array {
  const { past, season, aheads, peak } = state
  const out = new Float64Array(steps)
  const t = past.length - 1
  const most = Math.log1p(PEAK_FACTOR * peak)
  let before = 0
  let from = levelAt(past, t)
  for (const { steps: h, level } of aheads) {
    if (before >= steps) break
    const to = Math.min(most, Math.max(0, level))
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

function dot(a: Float64Array, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}
