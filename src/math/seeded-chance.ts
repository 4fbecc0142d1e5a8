/**
 * Chance for simulations: the same from the same seed. A mixed counter (splitmix32; Steele, Lea, Flood, 2014), good enough
 * for queues; nothing that must not be guessed may come from it.
 *
 * @module
 */

/** @returns draws numbers in [0, 1), 32 bits each. Different seeds give different streams. */
export function seededFraction(seed: number): () => number {
  let state = mixed(seed | 0)
  return () => {
    state = (state + 0x9e3779b9) | 0
    return mixed(state) / 2 ** 32
  }
}

function mixed(word: number): number {
  let z = (word ^ (word >>> 16)) | 0
  z = Math.imul(z, 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}

/** Exponentially distributed. */
export function drawExponential(fraction: () => number, mean: number): number {
  return -Math.log(1 - fraction()) * mean
}

/** Standard normal (Box and Muller, 1958). */
export function drawNormal(fraction: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - fraction())) * Math.cos(2 * Math.PI * fraction())
}

/** Lognormal of that mean; `sigma` is that of its logarithm, 0 for a constant. */
export function drawLognormal(fraction: () => number, mean: number, sigma: number): number {
  return sigma === 0 ? mean : mean * Math.exp(sigma * drawNormal(fraction) - (sigma * sigma) / 2)
}

/** Geometric from 1 on, of that mean. */
export function drawGeometric(fraction: () => number, mean: number): number {
  return mean <= 1 ? 1 : 1 + Math.floor(Math.log(1 - fraction()) / Math.log(1 - 1 / mean))
}
