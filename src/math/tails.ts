/**
 * Tails of distributions as natural logarithms, so that a chance of 10^-400 is still a number: upper incomplete gamma
 * (series and continued fraction, DLMF 8.11.4 and 8.9.2), and with it chi-square and normal; binomial and
 * negative binomial by summing.
 *
 * @module
 */

/** ln Gamma(x), x > 0: Lanczos' series, g = 7, nine terms (relative error below 1e-14). */
export function logGamma(x: number): number {
  let sum = LANCZOS[0] ?? 0
  for (let i = 1; i < LANCZOS.length; i++) sum += (LANCZOS[i] ?? 0) / (x - 1 + i)
  const t = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
]

/** Relative size at which a further term changes nothing. */
const EPSILON = 1e-15
/** Steps after which a series is taken as it is; those below end long before. */
const STEPS_MAX = 10_000

/** ln Q(a, x): the upper regularised incomplete gamma function, a > 0, x >= 0. */
export function logUpperGamma(a: number, x: number): number {
  if (x <= 0) return 0
  if (x < a + 1) return Math.log1p(-Math.exp(logLowerSeries(a, x)))
  return a * Math.log(x) - x - logGamma(a) + Math.log(upperFraction(a, x))
}

function logLowerSeries(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = 1; n < STEPS_MAX && term > sum * EPSILON; n++) {
    term *= x / (a + n)
    sum += term
  }
  return a * Math.log(x) - x - logGamma(a) + Math.log(sum)
}

/** Lentz' method. */
function upperFraction(a: number, x: number): number {
  const tiny = 1e-300
  let b = x + 1 - a
  let c = 1 / tiny
  let d = 1 / b
  let h = d
  for (let i = 1; i < STEPS_MAX; i++) {
    const an = -i * (i - a)
    b += 2
    d = an * d + b
    if (Math.abs(d) < tiny) d = tiny
    c = b + an / c
    if (Math.abs(c) < tiny) c = tiny
    d = 1 / d
    const step = d * c
    h *= step
    if (Math.abs(step - 1) < EPSILON) break
  }
  return h
}

/** ln P(X >= x) for chi-square with that many degrees of freedom. */
export function logChiSquareTail(x: number, degrees: number): number {
  return logUpperGamma(degrees / 2, x / 2)
}

/** ln P(|Z| >= |z|) for the standard normal distribution. */
export function logNormalTails(z: number): number {
  return logUpperGamma(0.5, (z * z) / 2)
}

/** ln P(X >= k) for X ~ Binomial(n, p). */
export function logBinomialTail(k: number, n: number, p: number): number {
  if (k <= 0) return 0
  if (k > n || p <= 0) return Number.NEGATIVE_INFINITY
  if (p >= 1) return 0
  const first =
    logGamma(n + 1) -
    logGamma(k + 1) -
    logGamma(n - k + 1) +
    k * Math.log(p) +
    (n - k) * Math.log1p(-p)
  const odds = p / (1 - p)
  return sumTail(first, (i) => ((n - k - i) / (k + i + 1)) * odds, n - k)
}

/** ln P(X >= k) for a negative binomial of that mean and shape: variance = mean + mean^2 / shape. */
export function logNegativeBinomialTail(k: number, mean: number, shape: number): number {
  if (k <= 0) return 0
  if (mean <= 0) return Number.NEGATIVE_INFINITY
  const q = mean / (mean + shape)
  const first =
    logGamma(k + shape) -
    logGamma(k + 1) -
    logGamma(shape) +
    k * Math.log(q) +
    shape * Math.log1p(-q)
  return sumTail(first, (i) => ((k + i + shape) / (k + i + 1)) * q, STEPS_MAX)
}

/** ln of exp(first) (1 + r0 + r0 r1 + ...). */
function sumTail(first: number, ratio: (i: number) => number, steps: number): number {
  let term = 1
  let sum = 1
  for (let i = 0; i < Math.min(steps, STEPS_MAX) && term > sum * EPSILON; i++) {
    term *= ratio(i)
    sum += term
    // Far below the mean terms grow before they fall: the tail is then next to everything.
    if (sum > 1e300) return 0
  }
  return Math.min(0, first + Math.log(sum))
}

/** -log10 of a chance given as a natural logarithm, at most {@link DIGITS_MAX}. */
export function digitsOf(log: number): number {
  return Math.min(DIGITS_MAX, Math.max(0, -log / Math.LN10))
}

/** No finding weighs more: what is left to doubt then is the machine, not chance. */
export const DIGITS_MAX = 99
