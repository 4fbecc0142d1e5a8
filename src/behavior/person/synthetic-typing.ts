/**
 * Typing that is drawn from a textbook, or faster than a hand. A person's pauses between keys have a long right tail (about lognormal) and differ from
 * key to key; programs that imitate typing draw them evenly or normally, or leave them all alike.
 *
 * The answer is a likelihood ratio: how much likelier the pauses are under the better of two machines (uniform, normal)
 * than under a lognormal distribution of the same data. Machines that draw lognormally pass it; they are left to how they
 * deviate from the person.
 *
 * @module
 */

/** Pauses that are looked at together. Of 100 a normal distribution is found in half of all cases only. */
export const PAUSES = 200

/** Less spread than that, over its mean, no hand has over different keys: of the people of CMU none is below 0.28. */
const SPREAD_SHARE_MIN = 0.12

/** Pauses that are looked at together for how fast they are. */
export const QUICK_PAUSES = 60
/**
 * A hand that types without an error for minutes takes 40 ms a key at its very best, ordinary ones 100 to 250; the quickest
 * sixty pauses of CMU's 51 people have a median of 96.
 */
const HAND_S_MIN = 0.025
/** A person whose program types for them (a password manager, snippets) is asked for a challenge, not set apart. */
const QUICK_DIGITS = 3.5

/**
 * Keys faster than any hand: what scripts of a browser do when nobody told them to wait.
 *
 * @param pausesS press to press, within words; {@link QUICK_PAUSES} of them or more
 * @returns digits of evidence for a machine, 0 or more
 */
export function quickDigits(pausesS: readonly number[]): number {
  if (pausesS.length < QUICK_PAUSES) return 0
  const median = pausesS.toSorted((a, b) => a - b)[pausesS.length >> 1] ?? Number.NaN
  return median < HAND_S_MIN ? QUICK_DIGITS : 0
}

/**
 * @param pausesS press to press, within words; {@link PAUSES} of them or more
 * @returns digits of evidence for a machine, 0 or more
 */
export function syntheticDigits(pausesS: readonly number[]): number {
  const values = pausesS.filter((value) => Number.isFinite(value) && value > 0)
  if (values.length < PAUSES) return 0
  const mean = meanOf(values)
  const spread = deviationOf(values, mean)
  if (spread < SPREAD_SHARE_MIN * mean) return ALIKE_DIGITS
  const logs = values.map(Math.log)
  const logMean = meanOf(logs)
  // Mean log densities at their own best parameters.
  const normal = -Math.log(spread) - HALF_LOG_2PI_E
  const lognormal = -Math.log(deviationOf(logs, logMean)) - HALF_LOG_2PI_E - logMean
  const range = Math.max(...values) - Math.min(...values)
  // The range of n draws is (n - 1) / (n + 1) of the whole.
  const uniform = -Math.log((range * (values.length + 1)) / (values.length - 1))
  const ratio = (Math.max(normal, uniform) - lognormal) * values.length
  return Math.min(DRAWN_DIGITS_MAX, Math.max(0, ratio / Math.LN10 - CHOICE_DIGITS))
}

/** Nobody's hand. */
const ALIKE_DIGITS = 6
/**
 * The model is no law: of 510 windows of people who typed one and the same password (CMU), 11 are above 1, two people's in a
 * row. So it counts beside other evidence only, and is not added up.
 */
const DRAWN_DIGITS_MAX = 2.5
const HALF_LOG_2PI_E = 0.5 * Math.log(2 * Math.PI * Math.E)
/** The better of two, each window anew. */
const CHOICE_DIGITS = 1

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviationOf(values: readonly number[], mean: number): number {
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)))
}
