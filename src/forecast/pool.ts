/**
 * Learning over many series at once: series of like shape share one regression of the next steps on the last lags
 * (on logarithms less their level), so that each learns from what happened to the others. What is like is found by k-means on
 * the profile of the longest season. A cluster too coarse blurs, one too fine starves: several sizes are forecast side by
 * side, and one more that adds the series' own windows again; `combine.ts` weighs them.
 *
 * @module
 */
import type { Random } from '../ground/random.ts'
import { solveFactored } from '../math/cholesky.ts'
import { clusterPoints } from '../math/k-means.ts'
import { factorRidge } from '../math/ridge.ts'
import type { SeriesFrame } from './model.ts'
import { bounded, bridgeGaps, rangeOf } from './models/guarded.ts'
import { type LogScale, logScaleOf, offScale, onScale } from './models/log-scale.ts'
import { type WindowOptions, WindowSums } from './window-sums.ts'

export interface PoolOptions {
  /** Numbers of clusters, one member of the pool for each. */
  readonly clusters: readonly number[]
  /** Penalty of the regressions. */
  readonly lambda: number
  /** Weight of windows that begin at another phase of the shortest season than the forecast does. */
  readonly offPhaseWeight: number
}

/** Numbers of clusters as in the prototype; penalty and weight by validation inside the training part of M4 Hourly, coarsely (docs/decisions/0014). */
export const POOL_DEFAULTS: PoolOptions = {
  clusters: [4, 8, 16],
  lambda: 0.03,
  offPhaseWeight: 0.03,
}

export interface PoolMember {
  readonly name: string
  /** For each series, for each origin asked for, the next steps. */
  readonly forecasts: readonly (readonly Float64Array[])[]
}

/**
 * Forecasts of all series at several origins, each from what was known then.
 *
 * @param seriesList of one frame, of any length; NaN is unknown
 * @param stepsBack origins as steps before the end of each series, 0 the end; multiples of the shortest season
 * @returns the members, finite forecasts all of them; a series too short for a window repeats its last value
 */
export function forecastPool(
  seriesList: readonly Float64Array[],
  frame: SeriesFrame,
  steps: number,
  stepsBack: readonly number[],
  random: Random,
  options: PoolOptions = POOL_DEFAULTS,
): readonly PoolMember[] {
  const lags = Math.max(MIN_LAGS, frame.seasons.at(-1) ?? 0)
  const season = frame.seasons[0] ?? 1
  const { lambda, offPhaseWeight } = options
  const window = { lags, steps, season, offPhaseWeight }
  const pooled = seriesList.map((series) => prepare(bridgeGaps(series, season), window))
  const names = [...options.clusters.map((count) => `pool of ${count}`), 'pool and own']
  const forecasts = names.map(() => seriesList.map((): Float64Array[] => []))
  // The oldest origin first: windows are only ever added.
  for (const [at, back] of [...stepsBack.entries()].toSorted((a, b) => b[1] - a[1])) {
    for (const one of pooled) moveTo(one, Math.max(0, one.history.length - back))
    const groupings = options.clusters.map((count) => groupAlike(pooled, lags, count, random))
    const members = regressAll(pooled, groupings, lambda)
    for (const [m, regressions] of members.entries()) {
      for (const [i, regression] of regressions.entries()) {
        const one = pooled[i]
        const row = forecasts[m]?.[i]
        if (one !== undefined && row !== undefined) row[at] = forecastOne(one, regression, steps)
      }
    }
  }
  return names.map((name, m) => ({ name, forecasts: forecasts[m] ?? [] }))
}

/** Without seasons: a window of so many values. */
const MIN_LAGS = 24

interface Pooled {
  readonly history: Float64Array
  readonly scale: LogScale
  /** On a plain scale series are divided by this, so that they can share a regression. */
  readonly unit: number
  readonly sums: WindowSums
  /** What is known of the history at the present origin. */
  length: number
}

function prepare(history: Float64Array, window: WindowOptions): Pooled {
  const scale = logScaleOf(history)
  const size = history.reduce((sum, value) => sum + Math.abs(value), 0) / history.length
  const unit = scale.floor > 0 || !(size > 0) ? 1 : size
  const values = history.map((value) => onScale(scale, value) / unit)
  return { history, scale, unit, sums: new WindowSums(values, window), length: 0 }
}

function moveTo(one: Pooled, length: number): void {
  one.length = length
  one.sums.addUpTo(length)
}

function forecastOne(one: Pooled, regression: Regression, steps: number): Float64Array {
  const range = rangeOf(one.history.subarray(0, one.length))
  const input = one.sums.inputAt(one.length)
  if (Number.isNaN(range.last)) return new Float64Array(steps)
  if (input === null) return new Float64Array(steps).fill(range.last)
  const forecast = Float64Array.from(regression, (coefficients) => {
    let sum = input.level
    for (let j = 0; j < coefficients.length; j++)
      sum += (coefficients[j] ?? 0) * (input.row[j] ?? 0)
    return offScale(one.scale, sum * one.unit)
  })
  return bounded(forecast, range)
}

/** Members of each group, by their place in the list. */
type Grouping = readonly (readonly number[])[]

function groupAlike(
  pooled: readonly Pooled[],
  cycle: number,
  count: number,
  random: Random,
): Grouping {
  const labels = clusterPoints(
    pooled.map(({ history, length }) => profileOf(history.subarray(0, length), cycle)),
    count,
    random,
  )
  return Array.from({ length: count }, (_, k) =>
    labels.flatMap((label, i) => (label === k ? [i] : [])),
  ).filter((ids) => ids.length > 0)
}

/** A peak of more means than this tells nothing more about what is alike; as in the prototype. */
const PEAK_MAX = 5

/** Mean of the whole cycles seen, relative to their mean, beginning with the phase of the next value. */
function profileOf(history: Float64Array, cycle: number): Float64Array {
  const cycles = Math.floor(history.length / cycle)
  const whole = history.subarray(history.length - cycles * cycle)
  const mean = whole.reduce((sum, value) => sum + value, 0) / whole.length
  const profile = new Float64Array(cycle)
  if (!(mean > 0)) return profile
  for (const [t, value] of whole.entries()) {
    profile[t % cycle] = (profile[t % cycle] ?? 0) + value / (cycles * mean)
  }
  return profile.map((value) => Math.min(PEAK_MAX, Math.max(0, value)))
}

/** Coefficients for each step. */
type Regression = readonly Float64Array[]

/** For each grouping, then for "pool and own", the regression of each series. */
function regressAll(
  pooled: readonly Pooled[],
  groupings: readonly Grouping[],
  lambda: number,
): Regression[][] {
  const around = pooled.map(({ sums }) => sumsLike(sums))
  const members = groupings.map((grouping) => {
    const regressions: Regression[] = []
    for (const ids of grouping) {
      const own = ids.flatMap((i) => pooled[i]?.sums ?? [])
      const total = totalOf(own)
      if (total === null) continue
      const regression = solveSteps(total, lambda)
      for (const i of ids) {
        regressions[i] = regression
        const sums = pooled[i]?.sums
        const near = around[i]
        if (sums === undefined || near === undefined) continue
        addSums(near, total, share(sums, total) / groupings.length)
      }
    }
    return regressions
  })
  const own = pooled.map(({ sums }, i) => {
    const near = around[i] ?? sumsLike(sums)
    addSums(near, sums, 1)
    return solveSteps(near, lambda)
  })
  return [...members, own]
}

type Sums = Pick<WindowSums, 'columns' | 'gram' | 'moments'>

function sumsLike({ columns, gram, moments }: Sums): Sums {
  return {
    columns,
    gram: new Float64Array(gram.length),
    moments: new Float64Array(moments.length),
  }
}

function totalOf(list: readonly Sums[]): Sums | null {
  const first = list[0]
  if (first === undefined) return null
  const total = sumsLike(first)
  for (const sums of list) addSums(total, sums, 1)
  return total
}

function addSums(into: Sums, from: Sums, times: number): void {
  const { gram, moments } = into
  for (let i = 0; i < gram.length; i++) gram[i] = (gram[i] ?? 0) + times * (from.gram[i] ?? 0)
  for (let i = 0; i < moments.length; i++) {
    moments[i] = (moments[i] ?? 0) + times * (from.moments[i] ?? 0)
  }
}

/** Weight of the windows of one in all: the square of the intercept's column counts them. Of nothing, all of nothing. */
function share(one: Sums, all: Sums): number {
  const total = all.gram[0] ?? 0
  return total > 0 ? Math.max(SHARE_MIN, (one.gram[0] ?? 0) / total) : 0
}

/** A series with next to no windows of its own is left to its cluster. */
const SHARE_MIN = 1e-3

function solveSteps({ columns, gram, moments }: Sums, lambda: number): Regression {
  const factor = factorRidge(gram, columns, lambda)
  return Array.from({ length: moments.length / columns }, (_, h) =>
    solveFactored(factor, moments.subarray(h * columns, (h + 1) * columns)),
  )
}
