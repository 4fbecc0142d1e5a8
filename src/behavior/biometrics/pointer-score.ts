/**
 * How much a session of pointer actions deviates from a person's own. Alone, feature by feature: does the session have the
 * distribution of the profile (Cramer and von Mises' statistic; Anderson, 1962)? With other people known, also: are its actions the
 * person's or another's, by a regression (`pointer-contrast.ts`) or, where there is time, the mean log odds of boosted trees.
 *
 * @module
 */
import {
  type BoostedTrees,
  type BoostOptions,
  boostedAnswer,
  fitBoostedTrees,
} from '../../math/boosted-trees.ts'
import { conformalP, type ScoredWith, type Verdict } from './own-scores.ts'
import { fitPointerContrast, type PointerContrast, pointerContrast } from './pointer-contrast.ts'
import { POINTER_FEATURES } from './pointer-features.ts'
import { type PointerProfile, profileActions } from './pointer-profile.ts'
import { quantilesOf, shareBelow, sortedColumn } from './quantile-share.ts'

/** A profile made ready for scoring. */
export interface FittedPointer {
  readonly actions: number
  readonly features: readonly string[]
  /** Quantiles of each feature, ascending, {@link KNOTS} of them. */
  readonly quantiles: readonly Float64Array[]
  readonly trees: BoostedTrees | undefined
  readonly contrast: PointerContrast | undefined
  readonly scoredWith: ScoredWith
  readonly ownScores: readonly number[]
}

export interface PointerReason {
  readonly feature: string
  readonly direction: 'higher' | 'lower'
  /** Distance of the distributions of that feature beyond chance: 0 is none, 1/3 the most there can be. */
  readonly distance: number
}

/**
 * @param trees of {@link trainContrast}, for this profile
 * @param features names of the columns of its actions
 * @param others actions of other people; never the person's, nor of whoever is to be judged
 */
export function fitPointerProfile(
  profile: PointerProfile,
  trees?: BoostedTrees,
  features: readonly string[] = POINTER_FEATURES,
  others?: readonly Float64Array[],
): FittedPointer {
  const rows = profileActions(profile)
  const quantiles = features.map((_, feature) => quantilesOf(sortedColumn(rows, feature)))
  const contrast =
    others === undefined || rows.length === 0
      ? undefined
      : fitPointerContrast(quantiles, rows, others)
  const scoredWith = trees === undefined && contrast === undefined ? 'own' : 'background'
  return {
    ...{ actions: profile.confirmed.rows.length, features, quantiles, contrast },
    trees,
    scoredWith,
    ownScores: profile.own.scoredWith === scoredWith ? [...profile.own.recent] : [],
  }
}

/**
 * Learns what tells the person from others. Takes some tenths of a second: for a worker, and for once a day.
 *
 * @param others actions of other people, one list each; never the person's, nor of whoever is to be judged
 * @param fraction draws numbers in [0, 1)
 * @throws {RangeError} when the profile is empty
 */
export function trainContrast(
  profile: PointerProfile,
  others: readonly (readonly Float64Array[])[],
  fraction: () => number,
): BoostedTrees {
  const own = profileActions(profile)
  const strangers = others.flatMap((rows) => everySoMany(rows, OTHERS_EACH_MAX))
  const rows = [...own, ...strangers]
  const isOther = Uint8Array.from(rows, (_, i) => (i < own.length ? 0 : 1))
  // Both sides weigh the same, a row one on the average.
  const weights = Float64Array.from(isOther, (other) =>
    other === 1 ? rows.length / 2 / strangers.length : rows.length / 2 / own.length,
  )
  return fitBoostedTrees(rows, isOther, weights, TREES, fraction)
}

/** Of 60 to 150 trees, depth 3 and 4, rate 0.06 and 0.1: AUC on the Balabit data 0.969 to 0.979. */
const TREES: BoostOptions = {
  trees: 100,
  depth: 4,
  rate: 0.1,
  leafWeightMin: 10,
  lambda: 1,
  rowShare: 0.7,
}
/** Of 300, 600 and 1500 the difference is below 0.005. */
const OTHERS_EACH_MAX = 300

function everySoMany<T>(list: readonly T[], count: number): readonly T[] {
  return list.length <= count
    ? list
    : list.filter(
        (_, i) =>
          Math.floor((i * count) / list.length) !== Math.floor(((i - 1) * count) / list.length),
      )
}

/** @param actions of one session: rows of the profile's features, NaN is missing and no evidence */
export function scoreSession(
  fit: FittedPointer,
  actions: readonly Float64Array[],
): Verdict & { readonly reasons: readonly PointerReason[] } {
  if (fit.actions < PROFILE_ACTIONS_MIN) {
    return { kind: 'neutral', because: 'too-few-observations', reasons: [] }
  }
  const compared = compareAll(fit, actions)
  if (actions.length < SESSION_ACTIONS_MIN || compared.length === 0) {
    return { kind: 'neutral', because: 'too-little-known', reasons: [] }
  }
  const distance = compared.reduce((sum, reason) => sum + reason.distance, 0) / compared.length
  const deviation = deviationOf(fit, actions, distance)
  return {
    kind: 'scored',
    deviation,
    pValue: conformalP(fit.ownScores, deviation),
    scoredWith: fit.scoredWith,
    reasons: compared
      .filter(({ distance }) => distance > REASON_DISTANCE_MIN)
      .sort((a, b) => b.distance - a.distance)
      .slice(0, REASONS_MAX),
  }
}

function deviationOf(
  { trees, contrast, quantiles }: FittedPointer,
  actions: readonly Float64Array[],
  distance: number,
): number {
  if (trees !== undefined) {
    return meanOf(actions.map((row) => boostedAnswer(trees, row))) + DISTANCE_WEIGHT * distance
  }
  if (contrast === undefined) return distance
  return pointerContrast(contrast, quantiles, actions) + CONTRAST_DISTANCE_WEIGHT * distance
}

/** Of 0, 4 and 16: AUC of windows of twenty actions on the Balabit data 0.875, 0.887, 0.874 (penalty 1; decision 0030). */
const CONTRAST_DISTANCE_WEIGHT = 4
/** Of 1 to 32: 16 gains 0.002 of AUC against known people, 0.006 against strangers. */
const DISTANCE_WEIGHT = 16
/** Two minutes of work. */
const PROFILE_ACTIONS_MIN = 100
/** Fewer have no distribution. */
const SESSION_ACTIONS_MIN = 5
const REASONS_MAX = 3
/** What a shift by half a standard deviation makes. */
const REASON_DISTANCE_MIN = 0.04

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function compareAll(fit: FittedPointer, actions: readonly Float64Array[]): PointerReason[] {
  return fit.features.flatMap((feature, j): PointerReason[] => {
    const values = sortedColumn(actions, j)
    const quantiles = fit.quantiles[j] ?? new Float64Array()
    if (values.length < SESSION_ACTIONS_MIN || quantiles.length === 0) return []
    let statistic = 1 / (12 * values.length)
    let shares = 0
    for (const [i, value] of values.entries()) {
      const share = shareBelow(quantiles, value)
      shares += share
      statistic += (share - (i + 0.5) / values.length) ** 2
    }
    return [
      {
        feature,
        direction: shares > values.length / 2 ? 'higher' : 'lower',
        // Its mean is 1/6 when both are the same, whatever the length: what is beyond grows with the length.
        distance: (statistic - 1 / 6) / values.length,
      },
    ]
  })
}
