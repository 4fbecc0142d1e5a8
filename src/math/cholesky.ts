/**
 * Cholesky's factor of a symmetric, positive definite matrix, and solving with it (Golub and Van Loan, "Matrix Computations",
 * 4th edition, section 4.2).
 *
 * @module
 */

/** A pivot below this share of its diagonal is rounding: the column depends on those before it. */
const PIVOT_MIN = 1e-13

/**
 * The factor L of a symmetric matrix L L', in place.
 *
 * @param matrix columns x columns, row by row; only its lower half is read and written
 * @returns whether it is positive definite
 */
export function decompose(matrix: Float64Array, columns: number): boolean {
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

/** Solves L L' x = moment for a factor of {@link decompose}; zeros where it has a zero pivot. */
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
