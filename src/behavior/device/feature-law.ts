/**
 * What windows of one length look like when all is well: the middle and spread of each feature, the scores of such windows among
 * themselves, and with them the score that they reach once in a given number of windows. Like is compared with like: a window of ten seconds
 * with windows of ten seconds, the variation of sizes with variations of sizes. Plain JSON data.
 *
 * @module
 */
import { hasKeys } from './json-keys.ts'
import { type Feature, median } from './stream-features.ts'

export interface FeatureLaw {
  /** null: seldom there while it was learned, so nothing is said of it. */
  readonly middles: readonly (number | null)[]
  readonly spreads: readonly number[]
  /** Scores of the learned windows above `from` are exponential with mean `mean` (the tail of Balkema, de Haan and Pickands with shape 0). */
  readonly tail: { readonly from: number; readonly mean: number }
}

/** To the standard deviation of a normal distribution. */
const MAD_TO_SIGMA = 1.4826
/** Parts that are scored by what the others say: in-sample scores would be too low. */
const PARTS = 4
/** The part of the scores that the tail is drawn from. */
const TAIL_SHARE = 0.2
/** The least mean excess: few windows look calmer than they are. */
const EXCESS_MIN = 0.25

/** @param windows in the order of time, four at least */
export function learnLaw(
  features: readonly Feature[],
  windows: readonly (readonly number[])[],
): FeatureLaw {
  const scores = partsOf(windows).flatMap(({ inside, outside }) => {
    const law = spreadsOf(features, outside)
    return inside.map((window) => worstOf(zScores(law, window)).z)
  })
  scores.sort((a, b) => a - b)
  const first = Math.floor((1 - TAIL_SHARE) * (scores.length - 1))
  const from = scores[first] ?? 0
  const above = scores.slice(first + 1).map((score) => score - from)
  const mean = above.reduce((sum, excess) => sum + excess, 0) / Math.max(1, above.length)
  return { ...spreadsOf(features, windows), tail: { from, mean: Math.max(EXCESS_MIN, mean) } }
}

/** Each of {@link PARTS} stretches of the windows, with all the others. */
export function partsOf<T>(
  windows: readonly T[],
): { inside: readonly T[]; outside: readonly T[] }[] {
  return Array.from({ length: PARTS }, (_, part) => {
    const [from, to] = [part, part + 1].map((i) => Math.floor((i * windows.length) / PARTS))
    const outside = windows.filter((_w, i) => i < (from ?? 0) || i >= (to ?? 0))
    return { inside: windows.slice(from, to), outside }
  })
}

/** Whether JSON is a law of so many features. */
export function isFeatureLaw(value: unknown, features: number): value is FeatureLaw {
  if (!hasKeys(value, ['middles', 'spreads', 'tail'])) return false
  const { middles, spreads, tail } = value
  if (!hasKeys(tail, ['from', 'mean'])) return false
  return (
    isEach(middles, features, (one) => one === null || Number.isFinite(one)) &&
    isEach(spreads, features, isAboveZero) &&
    Number.isFinite(tail['from']) &&
    isAboveZero(tail['mean'])
  )
}

/** The score that one window in `windows` reaches by chance. */
export function limitOf({ tail }: FeatureLaw, windows: number): number {
  return tail.from + tail.mean * Math.log(Math.max(1, TAIL_SHARE * windows))
}

/** Deviations from the middle in units of the spread, 0 for what is missing. */
export function zScores(
  { middles, spreads }: Pick<FeatureLaw, 'middles' | 'spreads'>,
  window: readonly number[],
): number[] {
  return middles.map((middle, i) => {
    const z = middle === null ? 0 : ((window[i] ?? Number.NaN) - middle) / (spreads[i] ?? 1)
    return Number.isFinite(z) ? z : 0
  })
}

/** The feature that is furthest off, either way. */
export function worstOf(zs: readonly number[]): { readonly at: number; readonly z: number } {
  let worst = { at: 0, z: 0 }
  for (const [at, z] of zs.entries()) if (Math.abs(z) > worst.z) worst = { at, z: Math.abs(z) }
  return worst
}

function isEach(value: unknown, length: number, is: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length === length && value.every(is)
}

function isAboveZero(value: unknown): boolean {
  return Number.isFinite(value) && Number(value) > 0
}

function spreadsOf(
  features: readonly Feature[],
  windows: readonly (readonly number[])[],
): Pick<FeatureLaw, 'middles' | 'spreads'> {
  const middles: (number | null)[] = []
  const spreads: number[] = []
  for (const [i, { floor }] of features.entries()) {
    const values = windows.map((window) => window[i] ?? Number.NaN).filter(Number.isFinite)
    const middle = median(values)
    const isUsual = values.length > windows.length / 2
    middles.push(isUsual ? middle : null)
    const mad = isUsual ? median(values.map((value) => Math.abs(value - middle))) : 0
    spreads.push(Math.max(floor, MAD_TO_SIGMA * mad))
  }
  return { middles, spreads }
}
