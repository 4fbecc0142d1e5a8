/**
 * Quantiles of values that count unequally (the inverse of the weighted distribution function: no interpolation, so the answer
 * is always one of the values).
 *
 * @module
 */

/**
 * The least value that `share` of the weight is not above.
 *
 * @param values NaN is missing and counts nothing
 * @param weights as many, none below 0
 * @param share in [0, 1]
 * @returns NaN of no weight
 */
export function weightedQuantile(
  values: Float64Array,
  weights: Float64Array,
  share: number,
): number {
  const known = new Float64Array(values.length)
  const heavy = new Float64Array(values.length)
  let count = 0
  let total = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    const weight = weights[i] ?? 0
    if (Number.isNaN(value) || weight <= 0) continue
    known[count] = value
    heavy[count++] = weight
    total += weight
  }
  return count === 0 ? Number.NaN : select(known, heavy, count, share * total)
}

/** Hoare's selection (1961), by weight: the value at which the weight from the least on reaches `wanted`. Reorders both lists. */
function select(
  values: Float64Array,
  weights: Float64Array,
  count: number,
  wanted: number,
): number {
  let [low, high, left] = [0, count - 1, wanted]
  while (low < high) {
    const pivot = values[(low + high) >> 1] as number
    let [i, j, below] = [low, high, 0]
    while (i <= j) {
      while ((values[i] as number) < pivot) below += weights[i++] as number
      while ((values[j] as number) > pivot) j--
      if (i > j) break
      swap(values, i, j)
      swap(weights, i, j)
      below += weights[i++] as number
      j--
    }
    // low..j are at most the pivot, i..high at least; between them may lie one value, the pivot, and it counts in `below`.
    const between = i - j === 2 ? (weights[j + 1] as number) : 0
    if (left <= below - between && j >= low) high = j
    else if (left <= below || i > high) return pivot
    else {
      low = i
      left -= below
    }
  }
  return values[low] as number
}

function swap(list: Float64Array, i: number, j: number): void {
  const kept = list[i] as number
  list[i] = list[j] as number
  list[j] = kept
}

/** The upper median; NaN of nothing. Missing values (NaN) count nothing. */
export function median(values: ArrayLike<number>): number {
  const known = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort()
  return known[known.length >> 1] ?? Number.NaN
}
