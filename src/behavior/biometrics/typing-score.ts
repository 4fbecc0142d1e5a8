/**
 * How much an observation deviates from the person's own way of typing: distance from the usual timings
 * (`typing-spread.ts`), from the usual rhythm (`typing-residuals.ts`), and, where other people are known, what tells the
 * person from them (`typing-background.ts`).
 *
 * 0 is the person's usual, more is stranger; the unit is the person's own. What it is worth is the p-value among the
 * person's own scores: the threshold is each person's, and moves with them.
 *
 * @module
 */
import { median } from '../../math/weighted-quantile.ts'
import { conformalP, type ScoredWith, type Verdict } from './own-scores.ts'
import {
  type Contrast,
  contrastDeviation,
  fitContrast,
  type TypingBackground,
} from './typing-background.ts'
import {
  boundedTimings,
  observationWeights,
  type TimingKind,
  type TypingProfile,
  timingsOf,
} from './typing-profile.ts'
import { fitResiduals, residualDeviation, type TypingResiduals } from './typing-residuals.ts'
import {
  expectedZ,
  fitSpread,
  influence,
  spreadDeviation,
  type TypingSpread,
  withoutPractice,
} from './typing-spread.ts'

/** A profile made ready for scoring; made again after it has learned. */
export interface FittedTyping {
  readonly observations: number
  readonly scoredWith: ScoredWith
  readonly ownScores: readonly number[]
  readonly spread: TypingSpread
  /** What the person's own observations get, in the median. */
  readonly usualSpread: number
  readonly residuals: TypingResiduals | undefined
  readonly usualResidual: number
  readonly contrast: Contrast | undefined
  /** Room to work in, as in `typing-residuals.ts`. */
  readonly scratch: {
    readonly bounded: Float64Array
    readonly z: Float64Array
    readonly expected: Float64Array
  }
}

export interface TypingReasons {
  /** The columns that speak most against the person, strongest first; none when nothing does. */
  readonly reasons: readonly TypingReason[]
}

export interface TypingReason {
  readonly column: number
  readonly kind: TimingKind
  readonly direction: 'longer' | 'shorter'
  /** Spreads from where the person's timing was expected. */
  readonly z: number
}

/** Below that spreads are guesses. */
const OBSERVATIONS_MIN = 10

/**
 * @param background other people typing the same text; never the person, nor whoever is to be judged
 * @param practised the text is one and the same, as a password is: it is typed faster by and by
 */
export function fitProfile(
  profile: TypingProfile,
  background?: TypingBackground,
  practised = true,
): FittedTyping {
  const confirmed = profile.confirmed.map(timingsOf)
  const rows = [...confirmed, ...profile.unconfirmed.map(timingsOf)]
  const weights = observationWeights(profile)
  const { kinds } = profile
  const spread = fitSpread(kinds, rows, weights, practised)
  const residuals = fitResiduals(kinds, confirmed, weights.subarray(0, confirmed.length))
  const recent = confirmed.slice(-RECENT_ROWS)
  const scratch = {
    bounded: new Float64Array(kinds.length),
    z: new Float64Array(kinds.length),
    expected: new Float64Array(kinds.length),
  }
  const contrast =
    background !== undefined && background.rows.length > 0 && confirmed.length > 0
      ? fitContrast(spread, recent, background)
      : undefined
  const scoredWith = contrast === undefined ? 'own' : 'background'
  return {
    observations: confirmed.length,
    scoredWith,
    ownScores: profile.own.scoredWith === scoredWith ? [...profile.own.recent] : [],
    spread,
    usualSpread: usualOf(
      recent.map((row) => spreadDeviation(kinds, expectedZ(spread, row, scratch.z))),
    ),
    residuals,
    usualResidual:
      residuals === undefined
        ? 1
        : usualOf(
            recent.map((row) =>
              residualDeviation(residuals, withoutPractice(spread, row, scratch.expected)),
            ),
          ),
    contrast,
    scratch,
  }
}

/** What is usual now. Of 60 and 100, no worse than more, and cheaper. */
const RECENT_ROWS = 60

/** A profile of one and the same row has no scale of its own: then the raw deviation stands. */
function usualOf(deviations: readonly number[]): number {
  const usual = median(deviations)
  return usual > 0 ? usual : 1
}

/**
 * @param timings seconds, one per column; what is not finite is missing, and missing is no evidence
 * @throws {RangeError} when there are more or fewer timings than columns
 */
export function scoreObservation(
  fit: FittedTyping,
  timings: Float64Array,
): Verdict & TypingReasons {
  if (fit.observations < OBSERVATIONS_MIN) {
    return { kind: 'neutral', because: 'too-few-observations', reasons: [] }
  }
  const { kinds } = fit.spread
  if (timings.length !== kinds.length) {
    throw new RangeError(
      `Cannot score ${timings.length} timings: the profile has ${kinds.length} columns`,
    )
  }
  const bounded = boundedTimings(timings, fit.scratch.bounded)
  const z = expectedZ(fit.spread, bounded, fit.scratch.z)
  if (knownOf(z) < KNOWN_SHARE_MIN * kinds.length) {
    return { kind: 'neutral', because: 'too-little-known', reasons: [] }
  }
  const deviation = deviationOf(fit, bounded, z)
  return {
    kind: 'scored',
    deviation,
    pValue: conformalP(fit.ownScores, deviation),
    scoredWith: fit.scoredWith,
    reasons: reasonsOf(kinds, z),
  }
}

function knownOf(z: Float64Array): number {
  let known = 0
  for (const value of z) if (!Number.isNaN(value)) known++
  return known
}

/** With less the rest would be extrapolated: of an eleven-key password, four keys. */
const KNOWN_SHARE_MIN = 1 / 3

/** Of 0.3 to 1, flat between 0.5 and 1; alone the residuals are far worse than the spread. */
const RESIDUAL_WEIGHT = 0.5
/** Of 1 to 3 times the own deviation, flat between 1.5 and 2.5. */
const CONTRAST_WEIGHT = 2

function deviationOf(fit: FittedTyping, timings: Float64Array, z: Float64Array): number {
  let deviation = spreadDeviation(fit.spread.kinds, z) / fit.usualSpread - 1
  if (fit.residuals !== undefined) {
    const residual = residualDeviation(
      fit.residuals,
      withoutPractice(fit.spread, timings, fit.scratch.expected),
    )
    if (!Number.isNaN(residual)) deviation += RESIDUAL_WEIGHT * (residual / fit.usualResidual - 1)
  }
  if (fit.contrast !== undefined) deviation += CONTRAST_WEIGHT * contrastDeviation(fit.contrast, z)
  return deviation
}

const REASONS_MAX = 3
/** Less than that is within the person's own. */
const REASON_Z_MIN = 2

function reasonsOf(kinds: readonly TimingKind[], z: Float64Array): TypingReason[] {
  const reasons: TypingReason[] = []
  for (let column = 0; column < z.length; column++) {
    const kind = kinds[column] ?? 'hold'
    const value = z[column] as number
    if (!(Math.abs(value) >= REASON_Z_MIN)) continue
    const weight = influence(kind, value)
    let at = reasons.length
    while (at > 0 && weight > weightOf(reasons[at - 1])) at--
    if (at >= REASONS_MAX) continue
    reasons.splice(at, 0, { column, kind, direction: value > 0 ? 'longer' : 'shorter', z: value })
    if (reasons.length > REASONS_MAX) reasons.pop()
  }
  return reasons
}

function weightOf(reason: TypingReason | undefined): number {
  return reason === undefined ? 0 : influence(reason.kind, reason.z)
}
