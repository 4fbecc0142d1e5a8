/**
 * Ridge regression (Hoerl and Kennard, 1970) from the normal equations: X'WX and X'Wy are summed row by row, so that a
 * regression takes as much memory for a million rows as for one.
 *
 * The first column is the intercept, a column of ones: it is not penalised. Every other column j is penalised by
 * lambda x gram[j][j], as if all were scaled to a mean square of one: lambda has no unit, 0.001 is little and 1 is much.
 *
 * @module
 */
import { decompose, solveFactored } from './cholesky.ts'

/**
 * Coefficients of the ridge regression.
 *
 * @param gram X'WX, p x p, row by row; only its lower half is read
 * @param moment X'Wy, p
 * @returns p coefficients, always finite: a singular matrix gets more penalty until it is none, one that holds a number
 *   that is not finite gives zeros
 */
export function solveRidge(
  gram: Float64Array,
  moment: Float64Array,
  lambda: number,
): Float64Array<ArrayBuffer> {
  return solveFactored(factorRidge(gram, moment.length, lambda), moment)
}

/**
 * The Cholesky factor of the penalised Gram matrix, for those who solve it for several targets.
 *
 * @returns p x p, row by row, lower half; zeros when the matrix is not finite
 */
export function factorRidge(
  gram: Float64Array,
  columns: number,
  lambda: number,
): Float64Array<ArrayBuffer> {
  let trace = 0
  for (let j = 0; j < columns; j++) trace += gram[j * columns + j] ?? 0
  if (!Number.isFinite(trace)) return new Float64Array(columns * columns)
  const scale = trace > 0 ? trace / columns : 1
  for (let extra = 0; extra < EXTRA_MAX; extra = Math.max(EXTRA_FIRST, extra * 100)) {
    const factor = penalised(gram, columns, lambda, extra * scale)
    if (decompose(factor, columns)) return factor
  }
  return new Float64Array(columns * columns)
}

/** Penalty first tried for a singular matrix, as a share of its mean diagonal: some digits above the rounding of doubles. */
const EXTRA_FIRST = 1e-12
/** At that share the penalty is all there is: what still fails then is no Gram matrix. */
const EXTRA_MAX = 1e6

function penalised(
  gram: Float64Array,
  columns: number,
  lambda: number,
  extra: number,
): Float64Array<ArrayBuffer> {
  const matrix = Float64Array.from(gram)
  for (let j = 0; j < columns; j++) {
    const at = j * columns + j
    const diagonal = matrix[at] ?? 0
    matrix[at] = diagonal + extra + (j === 0 ? 0 : lambda * diagonal)
  }
  return matrix
}

/** Sums of a regression, row after row. A row or target that is not finite is left out. */
export class NormalEquations {
  readonly columns: number
  readonly gram: Float64Array<ArrayBuffer>
  readonly moment: Float64Array<ArrayBuffer>
  /** Sum of the weights. */
  weight = 0

  constructor(columns: number) {
    this.columns = columns
    this.gram = new Float64Array(columns * columns)
    this.moment = new Float64Array(columns)
  }

  /** @param row the columns, the first of them 1 */
  add(row: Float64Array, target: number, weight = 1): void {
    if (!Number.isFinite(target) || !row.every(Number.isFinite)) return
    const { columns, gram, moment } = this
    for (let i = 0; i < columns; i++) {
      const weighted = weight * (row[i] ?? 0)
      const at = i * columns
      for (let j = 0; j <= i; j++) gram[at + j] = (gram[at + j] ?? 0) + weighted * (row[j] ?? 0)
      moment[i] = (moment[i] ?? 0) + weighted * target
    }
    this.weight += weight
  }

  solve(lambda: number): Float64Array<ArrayBuffer> {
    return solveRidge(this.gram, this.moment, lambda)
  }
}
