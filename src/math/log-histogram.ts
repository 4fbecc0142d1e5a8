/**
 * A histogram small enough for each server of each worker: counts in {@link BUCKETS} buckets, four to each doubling, from a
 * quarter of a unit to 65 536. Counting costs a logarithm and an array entry, 30 to 43 ns (2026-11-21). Counts only grow, so that the difference of two states
 * is a histogram too. A quantile is off by a bucket at most, 19 %; `quantile-sketch.ts` is exacter and larger.
 *
 * @module
 */

export type LogHistogram = Uint32Array

const PER_DOUBLING = 4
/** In milliseconds: below a quarter nobody tells servers apart on a network. */
const LEAST = 0.25
/** From 0.25 to 65 536: above it no request waits (`timeouts.firstByteMs` is 30 s). */
const DOUBLINGS = 18
const MOST = LEAST * 2 ** DOUBLINGS
export const BUCKETS = PER_DOUBLING * DOUBLINGS + 2

export function logHistogram(): LogHistogram {
  return new Uint32Array(BUCKETS)
}

/** What is out of range counts as its nearest bound. */
export function countIn(histogram: LogHistogram, value: number): void {
  const bounded = value < MOST ? value : MOST
  const bucket = bounded > LEAST ? (PER_DOUBLING * Math.log2(bounded / LEAST) + 1) | 0 : 0
  histogram[bucket] = (histogram[bucket] as number) + 1
}

/** The largest value that counts in a bucket; of the last there is none. */
export function boundOf(bucket: number): number {
  return LEAST * 2 ** (bucket / PER_DOUBLING)
}

/** Sums up; of histograms of another size only what is there. */
export function addHistogram(sum: LogHistogram, more: LogHistogram): void {
  for (let i = 0; i < BUCKETS; i++) sum[i] = (sum[i] ?? 0) + (more[i] ?? 0)
}

/**
 * What was counted between two states. When a count fell it was begun anew: all of `after` counts then.
 *
 * @param before undefined: nothing was
 */
export function growthOf(before: LogHistogram | undefined, after: LogHistogram): LogHistogram {
  const isAnew = before === undefined || after.some((count, i) => count < (before[i] ?? 0))
  return isAnew ? after.slice() : after.map((count, i) => count - (before[i] ?? 0))
}

/**
 * The value that a `share` in [0, 1] of all are not above, between the bounds of its bucket by its place in it; `NaN` of nothing.
 */
export function quantileIn(histogram: LogHistogram, share: number): number {
  const count = histogram.reduce((sum, one) => sum + one, 0)
  if (count === 0) return Number.NaN
  const rank = share * count
  let below = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const here = histogram[bucket] ?? 0
    if (here > 0 && below + here >= rank) {
      const within = Math.max(0, rank - below) / here
      return bucket === 0 ? LEAST : LEAST * 2 ** ((bucket - 1 + within) / PER_DOUBLING)
    }
    below += here
  }
  return MOST
}
