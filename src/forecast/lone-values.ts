/**
 * A single value out of all proportion: a client gone mad, a counter read twice. Nobody knows when it comes whether it is one or the
 * first of a crowd, so it counts, but as {@link LONE_FACTOR} times what was usual; the next one like it counts in full.
 *
 * @module
 */

/** Steps back that are usual: what comes twice in so many is no exception. */
export const LONE_STEPS = 60
/** In both traces (docs/decisions/0015) ten of 143,521 minutes are held back by it. */
export const LONE_FACTOR = 2
/** Fewer known values than these, and nothing is usual yet. */
const KNOWN_MIN = 3

/**
 * What a value counts as at most: twice the greatest, and one more, of the values before it and the one a season ago; what comes daily
 * is no exception either. Infinite where too little is known.
 *
 * @param ring values, the first at 0 until it is full
 * @param total values ever, the one in question the last
 */
export function countedMost(ring: ArrayLike<number>, total: number, season: number): number {
  const known = Math.min(total, ring.length) - 1
  let most = 0
  let seen = 0
  const look = (back: number) => {
    const value = back <= known ? ring[(total - 1 - back) % ring.length] : undefined
    if (value === undefined || Number.isNaN(value)) return
    seen++
    if (value > most) most = value
  }
  for (let back = 1; back <= LONE_STEPS; back++) look(back)
  look(season)
  return seen < KNOWN_MIN ? Number.POSITIVE_INFINITY : LONE_FACTOR * (most + 1)
}

/** A history as it counts, oldest value first. Looking back it is known what was the first of a crowd: that counts in full. */
export function withoutLone(history: Float64Array, season: number): Float64Array {
  return history.map((value, t) => {
    const most = countedMost(history, t + 1, season)
    const next = history[t + 1] ?? Number.NaN
    return Math.min(value, next >= 0 ? Math.max(most, LONE_FACTOR * (next + 1)) : most)
  })
}
