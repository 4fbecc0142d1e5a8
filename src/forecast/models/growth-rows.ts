/**
 * What a growth of a series is told by: its last values, how it went at this time on the days before, and the time of day.
 * Levels are logarithms. How the terms were chosen: docs/decisions/0015-load-forecasts.md.
 *
 * @module
 */
import { appendTo, meanLog, type PastSums, pastSumsOf } from './past-sums.ts'

/** Lags taken one by one, in steps: 0 is the last value. */
const LAGS = 5
/** The level a forecast grows from is the mean of so many last values: the last alone is mostly noise. */
export const LEVEL_STEPS = 10
/** Means of that many last values: slopes at several scales. */
const MEANS = [5, 15, 30, 60, 120]
/** Seasons back that the shape around the target is averaged over: a week of days. */
const SHAPE_SEASONS = 7
/** Half the width the shape is smoothed with: 15 of a day's 1440 minutes; less where a season has few steps. */
const SHAPE_HALF = 7
const SHAPE_PARTS = 96
/** Fourier terms of the shortest season; 8 and 12 were no better. */
const HARMONICS = 6

export function columnsOf(season: number): number {
  return 1 + LAGS + MEANS.length + (season > 0 ? 2 + 2 * harmonicsOf(season) : 0)
}

function harmonicsOf(season: number): number {
  return Math.min(HARMONICS, Math.floor((season - 1) / 2))
}

export interface Place {
  readonly past: PastSums
  readonly season: number
  /** Of the value after the last of `past`. */
  readonly phase: number
}

/** What is known at `t` of the growth until `t + h`; unknown terms are 0. @returns the level it grows from, a logarithm */
export function writeRow(
  { past, season, phase }: Place,
  t: number,
  h: number,
  row: Float64Array,
): number {
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

/** Between so many and so many steps ago: how it came to where it is. */
const STRETCHES: readonly (readonly [from: number, to: number])[] = [
  [20, 10],
  [30, 20],
  [45, 30],
  [60, 45],
  [90, 60],
]

/**
 * A row for trees: what {@link writeRow} made at `t`, then the means of stretches that lie farther back, of which a
 * regression gains nothing.
 */
export function treeRow({ past }: Place, t: number, row: Float64Array): Float64Array {
  const wide = new Float64Array(row.length + STRETCHES.length)
  wide.set(row)
  const level = levelAt(past, t)
  for (const [i, [from, to]] of STRETCHES.entries()) {
    const term = meanLog(past, t + 1 - from, t + 1 - to) - level
    wide[row.length + i] = Number.isNaN(term) ? 0 : term
  }
  return wide
}

/** The logarithm of the level at `t`: of a longer time when the last steps are unknown, 0 when all is. */
export function levelAt(past: PastSums, t: number): number {
  for (const steps of [LEVEL_STEPS, ...MEANS.slice(-2), past.length]) {
    const level = meanLog(past, t + 1 - steps, t + 1)
    if (!Number.isNaN(level)) return level
  }
  return 0
}

/** How it is at `target` by the same time in the last seasons that were over by `t`: a mean of logarithms, NaN if unknown. */
export function shapeAt(past: PastSums, season: number, target: number, t: number): number {
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

/** What a forecast looks back on, and before it what was looked back on when the values that come now were forecast. */
export function lookbackOf(season: number, horizons: readonly number[]): number {
  const longest = Math.max(LEVEL_STEPS, ...MEANS) + Math.max(0, ...horizons)
  return season > 0 ? SHAPE_SEASONS * season + 2 * SHAPE_HALF + longest : 2 * longest
}

/** A zero where there never is one at this time of the season: it teaches nothing, see {@link withoutOutages}. */
export function isOutage({ past, season }: Place, t: number): boolean {
  return past.values[t] === 0 && shapeAt(past, season, t, t) >= Math.log1p(OUTAGE_MEAN)
}

/** Steps after which what is too old is forgotten, all at once: a copy of everything is too much for each step. */
export const ROOM = 360

export function push(past: PastSums, value: number, lookback: number): void {
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
export function withoutOutages(history: Float64Array): Float64Array {
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
