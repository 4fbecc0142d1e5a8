/**
 * How other people type the same text, and what tells one person from them: a ridge regression on bounded deviations, with and
 * without their sign.
 *
 * A background must hold neither the person it is used for nor whoever is to be judged: who builds it sees to that.
 *
 * @module
 */
import { solveRidge } from '../../math/ridge.ts'
import { expectedZ, plainZ, type TypingSpread } from './typing-spread.ts'

/** Observations of other people, seconds, NaN is missing. */
export interface TypingBackground {
  readonly rows: readonly Float64Array[]
}

/**
 * Draws a background from other people: their first observations, because a stranger has no practice, and some from all
 * over, because a thief may have.
 *
 * @param people observations of each, oldest first
 */
export function drawBackground(people: readonly (readonly Float64Array[])[]): TypingBackground {
  const per = Math.max(1, Math.min(FIRST + LATER, Math.floor(ROWS_MAX / people.length)))
  const first = Math.ceil((per * FIRST) / (FIRST + LATER))
  return {
    rows: people
      .slice(0, ROWS_MAX)
      .flatMap((rows) => [...rows.slice(0, first), ...everySoMany(rows.slice(first), per - first)]),
  }
}

/** Of 10, 12, 14 and 30 per person: without first ones EER is 0.003 worse, with more of them no better. */
const FIRST = 6
const LATER = 8
/** Of 120 to 750 rows the EER differs by 0.001; a refit costs by the row. */
const ROWS_MAX = 120

function everySoMany<T>(list: readonly T[], count: number): T[] {
  const step = Math.max(1, list.length / count)
  return Array.from(
    { length: Math.min(count, list.length) },
    (_, i) => list[Math.floor(i * step)],
  ).filter((row): row is T => row !== undefined)
}

/** Coefficients: 1, then |z| of each column, then z. */
export type Contrast = Float64Array

/**
 * Fits -1 to the person and 1 to the others, both of one weight.
 *
 * @param own the person's observations
 */
export function fitContrast(
  spread: TypingSpread,
  own: readonly Float64Array[],
  background: TypingBackground,
): Contrast {
  const [owned, count] = [own.length, own.length + background.rows.length]
  const columns = Array.from({ length: 2 * spread.kinds.length + 1 }, () => new Float64Array(count))
  const weights = new Float64Array(count)
  const targets = new Float64Array(count)
  const z = new Float64Array(spread.kinds.length)
  for (let i = 0; i < count; i++) {
    const isOwn = i < owned
    const row = (isOwn ? own[i] : background.rows[i - owned]) ?? z
    // The person's past is where it is; what comes next is expected elsewhere.
    writeColumns(columns, i, isOwn ? plainZ(spread, row, z) : expectedZ(spread, row, z))
    weights[i] = 1 / (isOwn ? owned : count - owned)
    targets[i] = isOwn ? -1 : 1
  }
  return regress(columns, weights, targets)
}

/** Ridge regression of the targets on the columns, the first of them ones. Columns, because sums of products are then quick. */
function regress(
  columns: readonly Float64Array[],
  weights: Float64Array,
  targets: Float64Array,
): Contrast {
  const count = columns.length
  const gram = new Float64Array(count * count)
  const moment = new Float64Array(count)
  const weighted = new Float64Array(weights.length)
  for (let a = 0; a < count; a++) {
    const column = columns[a] as Float64Array
    for (let i = 0; i < weighted.length; i++) {
      weighted[i] = (weights[i] as number) * (column[i] as number)
    }
    for (let b = 0; b <= a; b++) gram[a * count + b] = dot(weighted, columns[b] as Float64Array)
    moment[a] = dot(weighted, targets)
  }
  return solveRidge(gram, moment, LAMBDA)
}

/** Two sums at a time: one alone waits for each of its additions, four were no quicker. */
function dot(a: Float64Array, b: Float64Array): number {
  let even = 0
  let odd = 0
  const last = a.length - 1
  for (let i = 0; i < last; i += 2) {
    even += (a[i] as number) * (b[i] as number)
    odd += (a[i + 1] as number) * (b[i + 1] as number)
  }
  // Of an odd number of rows one is left.
  return even + odd + (last % 2 === 0 ? (a[last] as number) * (b[last] as number) : 0)
}

/** Of 0.01 to 1: the more the better alone, 0.3 and 1 alike in company. */
const LAMBDA = 1
const Z_MAX = 6
/** About what |z| is for the person: a missing column then speaks for nobody. */
const USUAL = 1

function writeColumns(columns: readonly Float64Array[], i: number, z: Float64Array): void {
  const count = z.length
  ;(columns[0] as Float64Array)[i] = 1
  for (let j = 0; j < count; j++) {
    const value = z[j] as number
    if (Number.isNaN(value)) continue
    const bounded = Math.max(-Z_MAX, Math.min(Z_MAX, value))
    ;(columns[1 + j] as Float64Array)[i] = Math.abs(bounded) - USUAL
    ;(columns[1 + count + j] as Float64Array)[i] = bounded
  }
}

/** About -1 for the person, 1 for others. @param z of {@link expectedZ} */
export function contrastDeviation(contrast: Contrast, z: Float64Array): number {
  const count = z.length
  let sum = contrast[0] as number
  for (let j = 0; j < count; j++) {
    const value = z[j] as number
    if (Number.isNaN(value)) continue
    const bounded = Math.max(-Z_MAX, Math.min(Z_MAX, value))
    sum += (contrast[1 + j] as number) * (Math.abs(bounded) - USUAL)
    sum += (contrast[1 + count + j] as number) * bounded
  }
  return sum
}
