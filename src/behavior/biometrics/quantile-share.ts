/**
 * Distributions as quantiles at equal shares, and the share of one that lies below a value.
 *
 * @module
 */

/** Ascending, without what is missing. */
export function sortedColumn(rows: readonly Float64Array[], column: number): Float64Array {
  return Float64Array.from(rows, (row) => row[column] ?? Number.NaN)
    .filter((value) => !Number.isNaN(value))
    .sort()
}

/** 33 and 257 give the same AUC to 0.001. */
const KNOTS = 65

/** Empty of nothing. @param sorted ascending */
export function quantilesOf(sorted: Float64Array): Float64Array {
  if (sorted.length === 0) return new Float64Array()
  return Float64Array.from({ length: KNOTS }, (_, k) => {
    const rank = (k / (KNOTS - 1)) * (sorted.length - 1)
    const low = sorted[Math.floor(rank)] ?? 0
    return low + (rank - Math.floor(rank)) * ((sorted[Math.ceil(rank)] ?? low) - low)
  })
}

/** Share of the profile below a value, between knots linearly; half of what equals it counts. */
export function shareBelow(quantiles: Float64Array, value: number): number {
  const below = countWhere(quantiles, (knot) => knot < value)
  const upTo = countWhere(quantiles, (knot) => knot <= value)
  const last = quantiles.length - 1
  if (upTo > below) return Math.min(1, (below + upTo - 1) / 2 / last)
  if (below === 0) return 0
  if (below > last) return 1
  const [left, right] = [quantiles[below - 1] as number, quantiles[below] as number]
  return (below - 1 + (value - left) / (right - left)) / last
}

/** Binary search: `holds` is true up to some knot and false from there. */
function countWhere(sorted: Float64Array, holds: (knot: number) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(sorted[middle] as number)) low = middle + 1
    else high = middle
  }
  return low
}
