/**
 * Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, 2009): what is older counts less, by half per half-life. Time may stand
 * still or go backwards: then nothing fades.
 *
 * @module
 */

/** The share that is left of what was counted at `from`. */
export function fadedSince(from: number, now: number, halfLifeMs: number): number {
  return now > from ? 2 ** ((from - now) / halfLifeMs) : 1
}

/** Running mean and variance with a forgetting factor (Welford, 1962; West, 1979). Changed in place. */
export interface Moments {
  weight: number
  mean: number
  variance: number
}

export function addToMoments(moments: Moments, value: number, keep: number): void {
  const old = moments.weight * keep
  const weight = old + 1
  const distance = value - moments.mean
  moments.mean += distance / weight
  moments.variance = (old * (moments.variance + (distance * distance) / weight)) / weight
  moments.weight = weight
}
