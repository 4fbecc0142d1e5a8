/**
 * How far each timing lies from the person's usual one, in units of the person's own spread: weighted medians and median
 * absolute deviations (after Killourhy and Maxion, 2009, whose best detectors were scaled Manhattan distances), bounded, so that
 * one slip is one slip.
 *
 * Two things are not symmetric, and bound differently. Hesitating is human, hurrying beyond one's own pace is not: a slow
 * flight counts less and less, a fast one in full. And practice has a direction ({@link PRACTICE}): who types the same
 * text for longer gets faster, the flights more than the holds.
 *
 * @module
 */
import { weightedQuantile } from '../../math/weighted-quantile.ts'
import type { TimingKind } from './typing-profile.ts'

export interface TypingSpread {
  readonly kinds: readonly TimingKind[]
  /** Weighted medians, seconds; NaN of a column that was never seen. */
  readonly centre: Float64Array
  /** Weighted median absolute deviations x 1.4826 (of a normal distribution: one standard deviation), seconds. */
  readonly spread: Float64Array
  /** What practice is expected to add to the centre, seconds. */
  readonly practice: Float64Array
}

/**
 * @param rows timings, seconds, NaN is missing; `weights` as many
 * @param practised the same text is typed again and again; else no practice is expected
 */
export function fitSpread(
  kinds: readonly TimingKind[],
  rows: readonly Float64Array[],
  weights: Float64Array,
  practised = true,
): TypingSpread {
  const { centre, spread } = robustScale(rows, weights, kinds.length, SPREAD_MIN_S)
  const practice = spread.map((value, j) => (practised ? PRACTICE[kinds[j] ?? 'hold'] * value : 0))
  return { kinds, centre, spread, practice }
}

/** Weighted median and scaled median absolute deviation of each column. */
export function robustScale(
  rows: readonly Float64Array[],
  weights: Float64Array,
  columns: number,
  spreadMin: number,
): { centre: Float64Array; spread: Float64Array } {
  const centre = new Float64Array(columns)
  const spread = new Float64Array(columns)
  const values = new Float64Array(rows.length)
  for (let column = 0; column < columns; column++) {
    for (let i = 0; i < values.length; i++) values[i] = rows[i]?.[column] ?? Number.NaN
    const middle = weightedQuantile(values, weights, 0.5)
    centre[column] = middle
    for (let i = 0; i < values.length; i++) values[i] = Math.abs((values[i] as number) - middle)
    spread[column] = Math.max(spreadMin, MAD_SCALE * weightedQuantile(values, weights, 0.5))
  }
  return { centre, spread }
}

/** 1 / Phi^-1(3/4). */
const MAD_SCALE = 1.4826
/** Clocks of browsers are rounded to a millisecond. */
const SPREAD_MIN_S = 1e-3

/**
 * Where to expect the person's next observations, in spreads from the centre of the last ones. Development half of the CMU data:
 * after 200 repetitions the next 200 lie at +0.2 and -0.2 in the median, while first attempts of others lie at
 * -0.5 and +3. Expecting more than the drift leans further away from them; of (0, 0) to (1.2, -0.7) the middle was taken.
 */
const PRACTICE: Readonly<Record<TimingKind, number>> = {
  hold: 0.8,
  'press-press': -0.5,
  'release-press': -0.5,
}

/** Spreads from where the next observation is expected; NaN where missing. @param z where to write them */
export function expectedZ(
  { centre, spread, practice }: TypingSpread,
  timings: Float64Array,
  z: Float64Array = new Float64Array(timings.length),
): Float64Array {
  for (let j = 0; j < z.length; j++) {
    const expected = (centre[j] as number) + (practice[j] as number)
    z[j] = ((timings[j] as number) - expected) / (spread[j] as number)
  }
  return z
}

/** Spreads from the centre; NaN where missing. @param z where to write them */
export function plainZ(
  { centre, spread }: TypingSpread,
  timings: Float64Array,
  z: Float64Array = new Float64Array(timings.length),
): Float64Array {
  for (let j = 0; j < z.length; j++) {
    z[j] = ((timings[j] as number) - (centre[j] as number)) / (spread[j] as number)
  }
  return z
}

/** The timings less the practice to be expected. @param plain where to write them */
export function withoutPractice(
  { practice }: TypingSpread,
  timings: Float64Array,
  plain: Float64Array = new Float64Array(timings.length),
): Float64Array {
  for (let j = 0; j < plain.length; j++) {
    plain[j] = (timings[j] as number) - (practice[j] as number)
  }
  return plain
}

/** A hold or a fast flight is worth its distance, up to these. */
const HOLD_MAX = 6
const FAST_MAX = 5
/** A slow flight is worth the logarithm of its distance, which for small ones is the distance, up to this. */
const SLOW_MAX = 3

/** What a deviation of z spreads counts, 0 to 6. */
export function influence(kind: TimingKind, z: number): number {
  if (kind === 'hold') return Math.min(HOLD_MAX, Math.abs(z))
  if (z <= 0) return Math.min(FAST_MAX, -z)
  return Math.min(SLOW_MAX, SLOW_MAX * Math.log(1 + z / SLOW_MAX))
}

/** Mean influence over what is known; NaN when nothing is. */
export function spreadDeviation(kinds: readonly TimingKind[], z: Float64Array): number {
  let sum = 0
  let known = 0
  for (let j = 0; j < z.length; j++) {
    const value = z[j] as number
    if (Number.isNaN(value)) continue
    sum += influence(kinds[j] ?? 'hold', value)
    known++
  }
  return sum / known
}
