/**
 * What tells how a person moves from how others do: a ridge regression on where each feature of an action lies in the person's own
 * distribution (its share, and how far out it is). As typing has it (`typing-background.ts`), for actions of which there are hundreds: some
 * milliseconds to fit, where the trees of `pointer-score.ts` take a third of a second.
 *
 * @module
 */
import { solveRidge } from '../../math/ridge.ts'
import { shareBelow } from './quantile-share.ts'

/** Coefficients: 1, then the share of each feature, then how far out it is. */
export type PointerContrast = Float64Array

/** A fit costs by the row: of 240 and 480 of others AUC differs by 0.006, and as many of the person's own are enough for 105 columns. */
const OWN_MAX = 400
const OTHERS_MAX = 480
/** Of 0.3, 1 and 3, on the Balabit data: AUC of windows 0.881, 0.874, 0.862. */
const LAMBDA = 0.3
/** So that a column of the person's own has a mean square of 1: shares are uniform between -1/2 and 1/2, and so far out between 0 and 1/2. */
const SHARE_SCALE = Math.sqrt(12)
const OUT_SCALE = Math.sqrt(48)
const OUT_MEAN = 0.25

/**
 * Fits -1 to the person and 1 to the others, both of one weight.
 *
 * @param quantiles of each feature of the person's own actions
 */
export function fitPointerContrast(
  quantiles: readonly Float64Array[],
  own: readonly Float64Array[],
  others: readonly Float64Array[],
): PointerContrast {
  const [mine, theirs] = [everySoMany(own, OWN_MAX), everySoMany(others, OTHERS_MAX)]
  const rows = [...mine, ...theirs]
  const columns = columnsOf(quantiles, rows)
  const count = columns.length
  const gram = new Float64Array(count * count)
  const moment = new Float64Array(count)
  const weighted = new Float64Array(rows.length)
  for (let a = 0; a < count; a++) {
    const column = columns[a] as Float64Array
    for (let i = 0; i < rows.length; i++) {
      weighted[i] = (column[i] as number) / (i < mine.length ? mine.length : theirs.length)
    }
    for (let b = 0; b <= a; b++) gram[a * count + b] = dot(weighted, columns[b] as Float64Array)
    let sum = 0
    for (let i = 0; i < rows.length; i++) {
      sum += i < mine.length ? -(weighted[i] as number) : (weighted[i] as number)
    }
    moment[a] = sum
  }
  return solveRidge(gram, moment, LAMBDA)
}

/** About -1 for the person, 1 for others: the mean over the actions. */
export function pointerContrast(
  contrast: PointerContrast,
  quantiles: readonly Float64Array[],
  actions: readonly Float64Array[],
): number {
  let sum = 0
  for (const [at, column] of columnsOf(quantiles, actions).entries()) {
    let of = 0
    for (const value of column) of += value
    sum += (contrast[at] as number) * of
  }
  return sum / actions.length
}

/** What is missing speaks for nobody: 0. */
function columnsOf(
  quantiles: readonly Float64Array[],
  rows: readonly Float64Array[],
): Float64Array[] {
  const features = quantiles.length
  const columns = Array.from({ length: 2 * features + 1 }, () => new Float64Array(rows.length))
  columns[0]?.fill(1)
  for (const [j, knots] of quantiles.entries()) {
    if (knots.length === 0) continue
    const [shares, outs] = [columns[1 + j], columns[1 + features + j]] as [
      Float64Array,
      Float64Array,
    ]
    for (let i = 0; i < rows.length; i++) {
      const value = rows[i]?.[j] ?? Number.NaN
      if (Number.isNaN(value)) continue
      const share = shareBelow(knots, value) - 0.5
      shares[i] = SHARE_SCALE * share
      outs[i] = OUT_SCALE * (Math.abs(share) - OUT_MEAN)
    }
  }
  return columns
}

function everySoMany<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)] as T)
}

/** Two sums at a time, as in `typing-background.ts`. */
function dot(a: Float64Array, b: Float64Array): number {
  let [even, odd] = [0, 0]
  const last = a.length - 1
  for (let i = 0; i < last; i += 2) {
    even += (a[i] as number) * (b[i] as number)
    odd += (a[i + 1] as number) * (b[i + 1] as number)
  }
  return even + odd + (last % 2 === 0 ? (a[last] as number) * (b[last] as number) : 0)
}
