/**
 * How the timings of one observation fit *each other*: what remains of each logarithm when the others have told what they
 * know (the conditional residual of a normal distribution), compared with the nearest of the person's last observations
 * (nearest neighbours after whitening: Zhong, Deng, Jain, 2012, with residuals in place of principal components).
 * Somebody who hits every median but not the rhythm is seen here, and so is a slow day for what it is.
 *
 * @module
 */
import { solveFactored } from '../../math/cholesky.ts'
import { factorRidge } from '../../math/ridge.ts'
import type { TimingKind } from './typing-profile.ts'
import { robustScale } from './typing-spread.ts'

export interface TypingResiduals {
  /** The columns used: the third kind is a difference of the other two. */
  readonly columns: Int32Array
  readonly centre: Float64Array
  readonly spread: Float64Array
  /** Rows of the inverse covariance, each over the root of its diagonal. */
  readonly whitening: Float64Array
  /** Residuals of the last observations, row after row. */
  readonly neighbours: Float64Array
  /** Room to work in: allocating it for each score would take longer than the score. */
  readonly scratch: {
    readonly z: Float64Array
    readonly own: Float64Array
    readonly nearest: Float64Array
  }
}

/**
 * @param rows confirmed observations, oldest first, seconds, NaN is missing
 * @param weights as many
 * @returns undefined when fewer than two columns can be used
 */
export function fitResiduals(
  kinds: readonly TimingKind[],
  rows: readonly Float64Array[],
  weights: Float64Array,
): TypingResiduals | undefined {
  const columns = Int32Array.from(kinds.keys()).filter((j) => kinds[j] !== 'release-press')
  const count = columns.length
  if (count < 2) return undefined
  const logs = rows.map((row) => logTimings(columns, row))
  const { centre, spread } = robustScale(logs, weights, count, SPREAD_MIN)
  const rowsZ = logs.map((row) => boundZ(row, centre, spread))
  const whitening = whiten(covariance(rowsZ, count), count)
  const recent = rowsZ.slice(-NEIGHBOURS)
  const neighbours = new Float64Array(recent.length * count)
  for (const [i, z] of recent.entries()) {
    writeResiduals(whitening, z, neighbours.subarray(i * count, (i + 1) * count))
  }
  const scratch = {
    z: new Float64Array(count),
    own: new Float64Array(count),
    nearest: new Float64Array(NEAREST),
  }
  return { columns, centre, spread, whitening, neighbours, scratch }
}

/** Mean distance to the nearest of the last observations per known column; NaN when nothing is known. */
export function residualDeviation(fit: TypingResiduals, timings: Float64Array): number {
  const { columns, centre, spread, whitening, neighbours } = fit
  const { z, own, nearest } = fit.scratch
  const count = columns.length
  writeLogs(columns, timings, z)
  writeResiduals(whitening, boundZ(z, centre, spread), own)
  let missing = 0
  for (let j = 0; j < count; j++) {
    if (Number.isNaN(timings[columns[j] as number])) {
      // As far from every neighbour: taken off again below.
      own[j] = Number.POSITIVE_INFINITY
      missing++
    }
  }
  nearest.fill(Number.POSITIVE_INFINITY)
  for (let at = 0; at < neighbours.length; at += count) {
    const farthest = nearest[NEAREST - 1] as number
    let distance = -GAP_MAX * missing
    // Two sums at a time: one alone waits for each of its additions.
    let odd = 0
    let j = 1
    for (; j < count && distance + odd < farthest; j += 2) {
      distance += gapOf(own, neighbours, at, j - 1)
      odd += gapOf(own, neighbours, at, j)
    }
    if (j === count) distance += gapOf(own, neighbours, at, j - 1)
    distance += odd
    keepNearest(nearest, distance)
  }
  let sum = 0
  let found = 0
  for (const distance of nearest) {
    if (distance === Number.POSITIVE_INFINITY) break
    sum += distance
    found++
  }
  return missing === count ? Number.NaN : sum / found / (count - missing)
}

/** Of 5 and 10, among the last 30, 50 and 100: all within 0.002 of EER, these are the cheapest of the best. */
const NEAREST = 5
const NEIGHBOURS = 30
/** One column counts no more than so many spreads. */
const GAP_MAX = 6
const Z_MAX = 4
/** One per cent: less is rounding of clocks. */
const SPREAD_MIN = 0.01
/** A timing below a millisecond is as good as none. */
const TIMING_MIN_S = 1e-3
/** Share taken from all covariances between columns: with 100 rows for 21 columns a plain inverse is noise. */
const SHRINKAGE = 0.3

function gapOf(own: Float64Array, neighbours: Float64Array, at: number, j: number): number {
  const gap = Math.abs((own[j] as number) - (neighbours[at + j] as number))
  return gap < GAP_MAX ? gap : GAP_MAX
}

/** Sorted insertion into a short list. */
function keepNearest(nearest: Float64Array, distance: number): void {
  let at = nearest.length - 1
  if (distance >= (nearest[at] as number)) return
  for (; at > 0 && (nearest[at - 1] as number) > distance; at--) {
    nearest[at] = nearest[at - 1] as number
  }
  nearest[at] = distance
}

function logTimings(columns: Int32Array, timings: Float64Array): Float64Array {
  const logs = new Float64Array(columns.length)
  writeLogs(columns, timings, logs)
  return logs
}

function writeLogs(columns: Int32Array, timings: Float64Array, logs: Float64Array): void {
  for (let j = 0; j < logs.length; j++) {
    logs[j] = Math.log(Math.max(TIMING_MIN_S, timings[columns[j] as number] as number))
  }
}

/** Logarithms become spreads from the centre, bounded, in place. What is missing is taken for usual: it then says nothing about the others. */
function boundZ(logs: Float64Array, centre: Float64Array, spread: Float64Array): Float64Array {
  for (let j = 0; j < logs.length; j++) {
    const value = ((logs[j] as number) - (centre[j] as number)) / (spread[j] as number)
    logs[j] = Number.isNaN(value) ? 0 : Math.max(-Z_MAX, Math.min(Z_MAX, value))
  }
  return logs
}

/** Second moments about the centre, shrunk, the lower half; all rows count alike, for there are few. */
function covariance(rows: readonly Float64Array[], count: number): Float64Array {
  const sums = new Float64Array(count * count)
  for (const z of rows) {
    for (let a = 0; a < count; a++) {
      const value = z[a] as number
      for (let b = 0; b <= a; b++) {
        sums[a * count + b] = (sums[a * count + b] as number) + value * (z[b] as number)
      }
    }
  }
  return sums.map((sum, at) => (sum / rows.length) * (at % (count + 1) === 0 ? 1 : 1 - SHRINKAGE))
}

/** Rows of the inverse, each divided by the root of its diagonal: a row times z is a residual of variance 1. */
function whiten(matrix: Float64Array, count: number): Float64Array {
  const factor = factorRidge(matrix, count, 0)
  const whitening = new Float64Array(count * count)
  for (let a = 0; a < count; a++) {
    const unit = new Float64Array(count)
    unit[a] = 1
    const row = solveFactored(factor, unit)
    const scale = Math.sqrt(row[a] as number)
    if (scale > 0)
      whitening.set(
        row.map((value) => value / scale),
        a * count,
      )
  }
  return whitening
}

function writeResiduals(whitening: Float64Array, z: Float64Array, result: Float64Array): void {
  const count = z.length
  for (let a = 0; a < count; a++) {
    const row = a * count
    let sum =
      count % 2 === 0 ? 0 : (whitening[row + count - 1] as number) * (z[count - 1] as number)
    let odd = 0
    for (let b = 1; b < count; b += 2) {
      sum += (whitening[row + b - 1] as number) * (z[b - 1] as number)
      odd += (whitening[row + b] as number) * (z[b] as number)
    }
    result[a] = sum + odd
  }
}
