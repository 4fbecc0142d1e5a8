/**
 * Tells, value by value, whether a series does what it never did: upstream health, handshake rates, streams of devices. Three
 * questions are asked of a value, each answered in decimal digits of surprise: is it unusual for this hour of the day, is the
 * shape of the last values unusual, is it beyond all that was seen? They are added up. What is usual is learned from the
 * series itself; nothing is set per series.
 *
 * A value is judged before it is learned, and learned as at most one width of the seen range outside of it: a single spike
 * does little, a new level becomes usual within a day of its kind. It is not a forecast (see ../model.ts), and it does
 * not say what is wrong.
 *
 * @module
 */
import { hourDistance, type Past, remember, shapeDistance, startPast } from './past.ts'
import {
  clampToRange,
  type SeenRange,
  startSeenRange,
  widenRange,
  widthOf,
  widthsBeyond,
} from './seen-range.ts'
import { type Surprises, startSurprises, takeSurprise, WARM_UP } from './surprise.ts'

/** Plain data of a fixed size, 62 KB: can be stored and gone on with. */
export interface AnomalyState {
  readonly past: Past
  readonly range: SeenRange
  readonly hours: Surprises
  readonly shapes: Surprises
  readonly scores: Surprises
  /** Scores of the last values, the newest last. */
  readonly recent: Float64Array
}

export type AnomalyReason = 'unusual-for-the-hour' | 'unusual-shape' | 'beyond-seen-range'

export interface AnomalyVerdict {
  /** Digits of surprise, 0 and up. */
  readonly score: number
  /** The share of the series' past that scored at least as high. */
  readonly pValue: number
  /** True once per trouble: see {@link HOLD_DOWN}. */
  readonly anomalous: boolean
  /** What a digit or more came from, when anomalous. */
  readonly reasons: readonly AnomalyReason[]
}

/** Chosen by folds over the development half of NAB; 4.0 to 4.4 are level, see docs/decisions/0013. */
export const ANOMALY_THRESHOLD = 4.2
/** Values after a high score that are no anomaly of their own unless they score higher. 50 to 150 are level in NAB. */
export const HOLD_DOWN = 100
/**
 * What lies outside the seen range by a twentieth of its width or more weighs two digits, less outside weighs less.
 * A fortieth is level in NAB, a tenth scores two points less.
 */
const BEYOND_DIGITS_MAX = 2
const BEYOND_DIGITS_PER_WIDTH = 40
/** Distances below a millionth of the seen range are rounding. */
const ROUNDING = 1e-6

const QUIET: AnomalyVerdict = { score: 0, pValue: 1, anomalous: false, reasons: [] }

export function startAnomaly(): AnomalyState {
  return {
    past: startPast(),
    range: startSeenRange(),
    hours: startSurprises(),
    shapes: startSurprises(),
    scores: startSurprises(),
    recent: new Float64Array(HOLD_DOWN),
  }
}

/**
 * Judges the next value, then learns it: changes the state. A value that is not finite is unknown: no verdict, nothing
 * learned. Values count in the order they are told; `at` may repeat or jump, it only says which hour of the day it is.
 *
 * @param at milliseconds since the epoch, finite
 * @throws RangeError if `at` is not finite
 */
export function detectAnomaly(state: AnomalyState, value: number, at: number): AnomalyVerdict {
  if (!Number.isFinite(at)) throw new RangeError('Time of a value is not finite')
  if (!Number.isFinite(value)) return QUIET
  const { past, range } = state
  const warm = range.seen >= WARM_UP
  const beyond = warm ? widthsBeyond(range, value) : 0
  const learned = warm ? clampToRange(range, value) : value
  const least = ROUNDING * widthOf(range)
  const known = (distance: number) => (distance > least ? distance : 0)

  const digits: Record<AnomalyReason, number> = {
    'unusual-for-the-hour': 0,
    'unusual-shape': 0,
    'beyond-seen-range': Math.min(BEYOND_DIGITS_MAX, BEYOND_DIGITS_PER_WIDTH * beyond),
  }
  const hour = hourDistance(past, learned, at)
  if (hour !== undefined)
    digits['unusual-for-the-hour'] = takeSurprise(state.hours, known(hour)).digits
  remember(past, learned, at)
  const shape = shapeDistance(past)
  if (shape !== undefined) digits['unusual-shape'] = takeSurprise(state.shapes, known(shape)).digits
  widenRange(range, learned)
  return conclude(state, digits)
}

function conclude(state: AnomalyState, digits: Record<AnomalyReason, number>): AnomalyVerdict {
  const { recent, scores } = state
  const score =
    digits['unusual-for-the-hour'] + digits['unusual-shape'] + digits['beyond-seen-range']
  const { pValue } = takeSurprise(scores, score)
  const anomalous = score >= ANOMALY_THRESHOLD && recent.every((earlier) => score > earlier)
  recent.copyWithin(0, 1)
  recent[HOLD_DOWN - 1] = score
  return { score, pValue, anomalous, reasons: anomalous ? reasonsOf(digits) : [] }
}

function reasonsOf(digits: Record<AnomalyReason, number>): readonly AnomalyReason[] {
  const reasons: readonly AnomalyReason[] = [
    'unusual-for-the-hour',
    'unusual-shape',
    'beyond-seen-range',
  ]
  return reasons.filter((reason) => digits[reason] >= 1)
}
