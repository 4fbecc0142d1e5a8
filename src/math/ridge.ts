/**
 * Ridge regression (Hoerl and Kennard, 1970) from the normal equations: X'WX and X'Wy are summed row by row, so that a
 * regression takes as much memory for a million rows as for one.
 *
 * The first column is the intercept, a column of ones: it is not penalised. Every other column j is penalised by
 * lambda x gram[j][j], as if all were scaled to a mean square of one: lambda has no unit, 0.001 is little and 1 is much.
 *
 * @module
 */

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

/** A pivot below this share of its diagonal is rounding: the column depends on those before it. */
const PIVOT_MIN = 1e-13

/** Cholesky in place, lower half, row by row. @returns whether the matrix is positive definite */
function decompose(matrix: Float64Array, columns: number): boolean {
  for (let i = 0; i < columns; i++) {
    const row = i * columns
    const diagonal = matrix[row + i] ?? 0
    for (let j = 0; j <= i; j++) {
      const other = j * columns
      let sum = matrix[row + j] ?? 0
      for (let k = 0; k < j; k++) sum -= (matrix[row + k] ?? 0) * (matrix[other + k] ?? 0)
      if (j < i) matrix[row + j] = sum / (matrix[other + j] ?? 0)
      else if (sum > PIVOT_MIN * diagonal) matrix[row + i] = Math.sqrt(sum)
      else return false
    }
  }
  return true
}

/** Solves L L' x = moment for a factor of {@link factorRidge}; zeros where the factor has a zero pivot. */
export function solveFactored(
  factor: Float64Array,
  moment: Float64Array,
): Float64Array<ArrayBuffer> {
  const columns = moment.length
  const x = new Float64Array(columns)
  for (let i = 0; i < columns; i++) {
    let sum = moment[i] ?? 0
    for (let k = 0; k < i; k++) sum -= (factor[i * columns + k] ?? 0) * (x[k] ?? 0)
    x[i] = divided(sum, factor[i * columns + i] ?? 0)
  }
  // Column by column from the last: L' is read along the rows of L.
  for (let i = columns - 1; i >= 0; i--) {
    const value = divided(x[i] ?? 0, factor[i * columns + i] ?? 0)
    x[i] = value
    for (let k = 0; k < i; k++) x[k] = (x[k] ?? 0) - (factor[i * columns + k] ?? 0) * value
  }
  return x
}

function divided(value: number, pivot: number): number {
  return pivot > 0 && Number.isFinite(value) ? value / pivot : 0
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
