/**
 * What is kept of how a person types one text: the timings of the last times, plain JSON data of bounded size. What is
 * newer counts more, by half per {@link HALF_LIFE} observations.
 *
 * Observations that nobody vouched for are kept apart and never make up more than a quarter of the weight. So whoever slips
 * some in cannot move the centre out of the middle third of the confirmed ones ({@link observationWeights}).
 *
 * Not here: the score (`typing-score.ts`), and what it is worth (`own-scores.ts`).
 *
 * @module
 */
import {
  isOwnScores,
  mayLearn,
  newOwnScores,
  type OwnScores,
  recordScore,
  type Verdict,
} from './own-scores.ts'

/**
 * What a column times, in seconds: a key held; from one press to the next; from a release to the next press (negative when
 * they overlap).
 */
export type TimingKind = 'hold' | 'press-press' | 'release-press'

export interface TypingProfile {
  /** One per column. */
  readonly kinds: readonly TimingKind[]
  /** Observations that were vouched for, oldest first: timings in steps of 10 us; null is missing. */
  confirmed: (number | null)[][]
  unconfirmed: (number | null)[][]
  readonly own: OwnScores
}

/** An empty profile for a text of these columns. */
export function openProfile(kinds: readonly TimingKind[]): TypingProfile {
  return { kinds: [...kinds], confirmed: [], unconfirmed: [], own: newOwnScores() }
}

/**
 * Learns an observation if it may be learned (`mayLearn`), and remembers its score.
 *
 * @param verdict of the same observation, by the profile as it was before
 * @param confirmed whether something else than the typing vouched for the person
 * @param remembered whether its score is, too: of a day that has many of them only some are
 * @returns whether it was learned
 */
export function learnGated(
  profile: TypingProfile,
  verdict: Verdict,
  timings: Float64Array,
  confirmed: boolean,
  remembered = confirmed,
): boolean {
  const may = mayLearn(profile.own, verdict, confirmed)
  if (remembered && verdict.kind === 'scored') recordScore(profile.own, verdict)
  if (may) learn(profile, timings, confirmed)
  return may
}

/**
 * Learns an observation, as it is: for enrolment. What comes later goes through {@link learnGated}.
 *
 * @param timings seconds, one per column of the profile; what is not finite is missing
 * @param confirmed whether something else than the typing vouched for the person
 * @throws {RangeError} when there are more or fewer timings than columns
 */
export function learn(profile: TypingProfile, timings: Float64Array, confirmed: boolean): void {
  if (timings.length !== profile.kinds.length) {
    throw new RangeError(
      `Cannot learn ${timings.length} timings: the profile has ${profile.kinds.length} columns`,
    )
  }
  const row = Array.from(boundedTimings(timings), (value) =>
    Number.isNaN(value) ? null : Math.round(value * STEPS_PER_S),
  )
  const [rows, limit] = confirmed
    ? [profile.confirmed, CONFIRMED_MAX]
    : [profile.unconfirmed, UNCONFIRMED_MAX]
  rows.push(row)
  if (rows.length > limit) rows.shift()
}

/** Fewer lose accuracy, more lose it too: people change (docs/decisions/0018). */
const CONFIRMED_MAX = 100
/** A third of the above, as their weight is. */
const UNCONFIRMED_MAX = 33
/** Ten microseconds: finer than any clock a browser shows. */
const STEPS_PER_S = 1e5
/** Who waits longer between two keys has gone away. */
const TIMING_MAX_S = 60

/** What is not finite becomes missing; what is huge is cut. */
export function boundedTimings(
  timings: Float64Array,
  bounded: Float64Array = new Float64Array(timings.length),
): Float64Array {
  for (let j = 0; j < bounded.length; j++) {
    const value = timings[j] as number
    bounded[j] = Number.isFinite(value)
      ? Math.max(-TIMING_MAX_S, Math.min(TIMING_MAX_S, value))
      : Number.NaN
  }
  return bounded
}

/** Seconds; NaN where missing. */
export function timingsOf(row: readonly (number | null)[]): Float64Array {
  const timings = new Float64Array(row.length)
  for (let j = 0; j < timings.length; j++) {
    const steps = row[j]
    timings[j] = typeof steps === 'number' ? steps / STEPS_PER_S : Number.NaN
  }
  return timings
}

/** Of 8 to 25, on the development half of the CMU data: flat between 12 and 20. */
const HALF_LIFE = 20
/** The weight of all unconfirmed observations over that of all confirmed ones, at most: a quarter of the whole. */
const UNCONFIRMED_WEIGHT_MAX = 1 / 3

/**
 * Weights of the confirmed observations, then of the unconfirmed ones. Each kind ages by its own count, so that
 * unconfirmed ones cannot push confirmed ones into the past.
 */
export function observationWeights(profile: TypingProfile): Float64Array {
  const confirmed = fading(profile.confirmed.length)
  const unconfirmed = fading(profile.unconfirmed.length)
  const sum = (weights: Float64Array) => weights.reduce((total, weight) => total + weight, 0)
  const scale = Math.min(1, (UNCONFIRMED_WEIGHT_MAX * sum(confirmed)) / sum(unconfirmed))
  return Float64Array.of(...confirmed, ...unconfirmed.map((weight) => weight * scale))
}

function fading(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => 2 ** ((i + 1 - count) / HALF_LIFE))
}

/** More columns than any password: 341 keys. */
const COLUMNS_MAX = 1023
const KINDS: readonly unknown[] = ['hold', 'press-press', 'release-press'] satisfies TimingKind[]

/** Is this a profile? For what comes out of storage. */
export function isTypingProfile(value: unknown): value is TypingProfile {
  if (typeof value !== 'object' || value === null) return false
  const { kinds, confirmed, unconfirmed, own } = value as Partial<
    Record<keyof TypingProfile, unknown>
  >
  if (!Array.isArray(kinds) || kinds.length === 0 || kinds.length > COLUMNS_MAX) return false
  const columns = kinds.length
  return (
    kinds.every((kind) => KINDS.includes(kind)) &&
    isRows(confirmed, columns, CONFIRMED_MAX) &&
    isRows(unconfirmed, columns, UNCONFIRMED_MAX) &&
    isOwnScores(own)
  )
}

function isRows(value: unknown, columns: number, limit: number): boolean {
  const isTiming = (cell: unknown) =>
    cell === null ||
    (Number.isInteger(cell) && Math.abs(Number(cell)) <= TIMING_MAX_S * STEPS_PER_S)
  const isRow = (row: unknown) =>
    Array.isArray(row) && row.length === columns && row.every(isTiming)
  return Array.isArray(value) && value.length <= limit && value.every(isRow)
}
