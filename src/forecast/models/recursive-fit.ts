/**
 * A regression that goes on learning: recursive least squares with exponential forgetting (Ljung, Soderstrom, 1983), one row at a time,
 * begun from the sums and the coefficients of a regression over many rows. A row's weight is its caller's affair.
 *
 * @module
 */
import { solveFactored } from '../../math/cholesky.ts'
import { factorRidge } from '../../math/ridge.ts'

/** Plain data. */
export interface RecursiveFit {
  readonly coefficients: Float64Array
  /** Inverse of the fading weighted Gram matrix, row by row. */
  readonly spread: Float64Array
  /** Sum of its diagonal that it may not exceed. */
  readonly traceMax: number
}

/** What no row speaks of is forgotten without end: at so many times the first trace nothing is forgotten any more. */
const TRACE_GROWTH_MAX = 1000

/**
 * @param gram weighted Gram matrix that the coefficients came from, p x p, row by row; only its lower half is read
 * @param share of it that counts: what would be left of it, had older rows faded
 * @param lambda see `math/ridge.ts`
 */
export function openRecursiveFit(
  gram: Float64Array,
  coefficients: Float64Array,
  share: number,
  lambda: number,
): RecursiveFit {
  const columns = coefficients.length
  const factor = factorRidge(
    gram.map((sum) => sum * share),
    columns,
    lambda,
  )
  const spread = new Float64Array(columns * columns)
  for (let j = 0; j < columns; j++) {
    const unit = new Float64Array(columns)
    unit[j] = 1
    spread.set(solveFactored(factor, unit), j * columns)
  }
  const traceMax = TRACE_GROWTH_MAX * traceOf(spread, columns)
  return { coefficients: coefficients.slice(), spread, traceMax }
}

/**
 * Learns one row. What would leave the finite numbers is left out.
 *
 * @param error of the coefficients as they are: target less forecast
 * @param keep what older rows are worth after it, below 1
 */
export function learnRow(
  { coefficients, spread, traceMax }: RecursiveFit,
  row: Float64Array,
  error: number,
  weight: number,
  keep: number,
): void {
  const columns = coefficients.length
  const gain = new Float64Array(columns)
  let size = 0
  for (let i = 0; i < columns; i++) {
    let sum = 0
    for (let j = 0; j < columns; j++) sum += (spread[i * columns + j] ?? 0) * (row[j] ?? 0)
    gain[i] = sum
    size += sum * (row[i] ?? 0)
  }
  const divisor = keep / weight + size
  if (!(divisor > 0 && Number.isFinite(error / divisor))) return
  const fade = traceOf(spread, columns) < traceMax ? 1 / keep : 1
  for (let i = 0; i < columns; i++) {
    const step = (gain[i] ?? 0) / divisor
    coefficients[i] = (coefficients[i] ?? 0) + step * error
    // Both halves from one product: rounding would part them.
    for (let j = 0; j <= i; j++) {
      const left = ((spread[i * columns + j] ?? 0) - step * (gain[j] ?? 0)) * fade
      spread[i * columns + j] = left
      spread[j * columns + i] = left
    }
  }
}

function traceOf(matrix: Float64Array, columns: number): number {
  let trace = 0
  for (let j = 0; j < columns; j++) trace += matrix[j * columns + j] ?? 0
  return trace
}
