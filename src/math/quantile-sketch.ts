/**
 * Quantiles of many positive numbers in fixed memory: counts in buckets whose bounds grow by a constant factor (Masson, Rim,
 * Lee, 2019, "DDSketch"). A quantile is off by at most {@link SKETCH_ERROR} of itself; the mean and the largest are exact.
 *
 * @module
 */

/** Relative: a tenth of what two runs of a simulation differ by at the 99th percentile. */
export const SKETCH_ERROR = 0.005
const GROWTH = (1 + SKETCH_ERROR) / (1 - SKETCH_ERROR)
const LOG_GROWTH = Math.log(GROWTH)
/** What is smaller counts as that: in milliseconds, a microsecond. */
const LEAST = 0.001
/** What is larger counts as that: in milliseconds, eleven days. 2780 buckets, 22 kB. */
const MOST = 1e9
const BUCKETS = Math.ceil(Math.log(MOST / LEAST) / LOG_GROWTH) + 1

export class QuantileSketch {
  count = 0
  max = 0
  #sum = 0
  readonly #buckets = new Float64Array(BUCKETS)

  add(value: number): void {
    const bounded = Math.min(MOST, Math.max(LEAST, value))
    const bucket = Math.ceil(Math.log(bounded / LEAST) / LOG_GROWTH)
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1
    this.count++
    this.#sum += value
    if (value > this.max) this.max = value
  }

  /** `NaN` of nothing. */
  get mean(): number {
    return this.#sum / this.count
  }

  /** The value that a `share` in [0, 1] of all are not above; `NaN` of nothing. */
  quantile(share: number): number {
    if (this.count === 0) return Number.NaN
    const rank = share * (this.count - 1)
    let below = 0
    let bucket = 0
    for (; bucket < BUCKETS - 1; bucket++) {
      below += this.#buckets[bucket] as number
      if (below > rank) break
    }
    // The middle of the bucket, in the sense of the relative error.
    return Math.min(this.max, (LEAST * 2 * GROWTH ** bucket) / (GROWTH + 1))
  }
}
