/**
 * Gaussian process regression of a function of one variable (Rasmussen and Williams, "Gaussian Processes for Machine Learning",
 * 2006, algorithm 2.1), and how much better than the best a point may be (expected improvement: Jones, Schonlau, Welch, 1998).
 *
 * @module
 */
import { decompose, solveFactored } from './cholesky.ts'
import { logNormalTails } from './tails.ts'

export interface ProcessOptions {
  /** Over which distance the function is alike: of the squared exponential kernel. */
  readonly lengthScale: number
  /** Standard deviation of what is added to the function when it is observed, in standard deviations of the observations. */
  readonly noise: number
}

export interface Belief {
  readonly mean: number
  /** Standard deviation, above 0. */
  readonly sd: number
}

/** @param xs observed at, ys what was observed: as many, finite, at least one */
export function gaussianProcess(
  xs: readonly number[],
  ys: readonly number[],
  { lengthScale, noise }: ProcessOptions,
): (x: number) => Belief {
  const n = xs.length
  const centre = ys.reduce((sum, y) => sum + y, 0) / n
  const variance = ys.reduce((sum, y) => sum + (y - centre) ** 2, 0) / n
  const unit = variance > 0 ? Math.sqrt(variance) : 1
  const kernel = (a: number, b: number): number => Math.exp(-0.5 * ((a - b) / lengthScale) ** 2)
  const factor = new Float64Array(n * n)
  for (const [i, a] of xs.entries()) {
    for (let j = 0; j <= i; j++) factor[i * n + j] = kernel(a, xs[j] ?? a)
    factor[i * n + i] = 1 + Math.max(NOISE_MIN, noise) ** 2
  }
  decompose(factor, n)
  const weights = solveFactored(
    factor,
    Float64Array.from(ys, (y) => (y - centre) / unit),
  )
  return (x) => {
    const near = Float64Array.from(xs, (each) => kernel(x, each))
    const solved = solveFactored(factor, near)
    let [mean, explained] = [0, 0]
    for (let i = 0; i < n; i++) {
      mean += (near[i] as number) * (weights[i] as number)
      explained += (near[i] as number) * (solved[i] as number)
    }
    return { mean: centre + unit * mean, sd: unit * Math.sqrt(Math.max(SD_MIN, 1 - explained)) }
  }
}

/** Two observations of one point have to be told apart. */
const NOISE_MIN = 1e-4
/** Rounding leaves no less than this of the variance. */
const SD_MIN = 1e-12

/** By how much the function is expected to be below `best`, where it is believed to be so. */
export function expectedImprovement({ mean, sd }: Belief, best: number): number {
  const z = (best - mean) / sd
  return (best - mean) * normalBelow(z) + (sd * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI)
}

/** Chance that the function is at most `limit`. */
export function chanceBelow({ mean, sd }: Belief, limit: number): number {
  return normalBelow((limit - mean) / sd)
}

function normalBelow(z: number): number {
  const tail = Math.exp(logNormalTails(Math.abs(z))) / 2
  return z < 0 ? tail : 1 - tail
}
