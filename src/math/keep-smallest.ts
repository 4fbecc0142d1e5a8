/**
 * The k smallest of many numbers, by insertion: for a k of a few.
 *
 * @module
 */

/**
 * Puts `value` into its place in `smallest`, which is sorted, the smallest first, and not empty; the greatest falls out.
 *
 * @returns the greatest that is left: what is not below it need not be tried
 */
export function keepSmallest(smallest: Float64Array, value: number): number {
  const last = smallest.length - 1
  const greatest = smallest[last] ?? Number.NaN
  if (!(value < greatest)) return greatest
  let i = last
  while (i > 0 && value < (smallest[i - 1] ?? Number.NaN)) {
    smallest[i] = smallest[i - 1] ?? Number.NaN
    i--
  }
  smallest[i] = value
  return smallest[last] ?? Number.NaN
}
