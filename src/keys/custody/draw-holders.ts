/**
 * Which holders take part in one operation: as many distinct ones as their chances add up to, each as often as its chance says
 * (systematic sampling: Madow 1949). The chances are from `route-shares.ts`.
 *
 * @module
 */

/**
 * @param chances by node, 0 to 1; their sum is a whole number, up to rounding
 * @param at one number in [0, 1), by chance
 * @returns nodes by index, ascending: as many as the sum, distinct, none of chance 0
 * @throws RangeError for chances that are none, or no whole sum
 */
export function drawHolders(chances: ArrayLike<number>, at: number): number[] {
  const drawn: number[] = []
  const begin = Math.min(at, 1 - MARGIN)
  let sum = 0
  for (let node = 0; node < chances.length; node++) {
    const chance = chances[node] as number
    if (!(chance >= 0 && chance <= 1 + ROUNDING)) throw new RangeError('Cannot draw by this chance')
    // Only what adds something can take the next mark, begin + 0, 1, 2 ...
    sum += chance
    if (chance > 0 && begin + drawn.length < sum - ROUNDING) drawn.push(node)
  }
  if (Math.abs(sum - drawn.length) > ROUNDING) {
    throw new RangeError('Cannot draw when chances add up to no whole number')
  }
  return drawn
}

/** Sums of chances are off by less: each of at most 255 by the rounding of a double. */
const ROUNDING = 1e-9
/** The last mark stays clear of the end, where rounding could lose it: once in a hundred million draws. */
const MARGIN = 1e-8
