/**
 * What is kept of how a person moves a pointer, touches or scrolls: a sample of the actions of all sessions in which newer ones are likelier (a
 * biased reservoir: Aggarwal, 2006), plain JSON data of bounded size.
 *
 * As with typing, sessions that nobody vouched for are kept apart and never make up more than a quarter: they move the share of
 * actions below any value by at most a quarter.
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

export interface PointerProfile {
  readonly confirmed: ActionSample
  readonly unconfirmed: ActionSample
  readonly own: OwnScores
}

interface ActionSample {
  /** Actions ever offered. */
  seen: number
  /** Rows of features of one kind (`pointer-features.ts` and the like); null is missing. */
  readonly rows: (number | null)[][]
}

export function openPointerProfile(): PointerProfile {
  return {
    confirmed: { seen: 0, rows: [] },
    unconfirmed: { seen: 0, rows: [] },
    own: newOwnScores(),
  }
}

/**
 * Learns a session if it may be learned (`mayLearn`), and remembers its score if it was vouched for.
 *
 * @param verdict of the same session, by the profile as it was before
 * @param fraction draws numbers in [0, 1)
 * @param remembered whether its score is, too: of a day that has many of them only some are
 * @returns whether it was learned
 */
export function learnSessionGated(
  profile: PointerProfile,
  verdict: Verdict,
  actions: readonly Float64Array[],
  confirmed: boolean,
  fraction: () => number,
  remembered = confirmed,
): boolean {
  const may = mayLearn(profile.own, verdict, confirmed)
  if (remembered && verdict.kind === 'scored') recordScore(profile.own, verdict)
  if (may) learnSession(profile, actions, confirmed, fraction)
  return may
}

/**
 * Learns the actions of a session, as they are: for enrolment. What comes later goes through {@link learnSessionGated}.
 *
 * @throws {RangeError} when an action has not as many features as those before
 */
export function learnSession(
  profile: PointerProfile,
  actions: readonly Float64Array[],
  confirmed: boolean,
  fraction: () => number,
): void {
  const sample = confirmed ? profile.confirmed : profile.unconfirmed
  const limit = confirmed ? ACTIONS_MAX : Math.floor(profile.confirmed.rows.length / 3)
  const columns = profile.confirmed.rows[0]?.length ?? actions[0]?.length
  for (const action of actions) {
    if (action.length !== columns) {
      throw new RangeError(`Cannot learn an action of ${action.length} features`)
    }
    sample.seen++
    const row = Array.from(action, (value) => (Number.isFinite(value) ? value : null))
    if (sample.rows.length < limit) sample.rows.push(row)
    else if (limit > 0 && fraction() < Math.max(limit / sample.seen, TAKEN_SHARE_MIN)) {
      sample.rows[Math.floor(fraction() * sample.rows.length)] = row
    }
  }
}

/** About ten sessions of work. On the Balabit data 4000 gain less than 0.001 of AUC. */
const ACTIONS_MAX = 1000
/** One in ten is taken at least: then an action stays for about 10 000 others, some 150 short sessions. */
const TAKEN_SHARE_MIN = 0.1

/** Everything that is kept, NaN for missing. */
export function profileActions(profile: PointerProfile): Float64Array[] {
  return [...profile.confirmed.rows, ...profile.unconfirmed.rows].map((row) =>
    Float64Array.from(row, (value) => value ?? Number.NaN),
  )
}

/** Is this a profile? For what comes out of storage. @param columns features of each action */
export function isPointerProfile(value: unknown, columns: number): value is PointerProfile {
  if (typeof value !== 'object' || value === null) return false
  const { confirmed, unconfirmed, own } = value as Partial<Record<keyof PointerProfile, unknown>>
  return isSample(confirmed, columns) && isSample(unconfirmed, columns) && isOwnScores(own)
}

function isSample(value: unknown, columns: number): value is ActionSample {
  if (typeof value !== 'object' || value === null) return false
  const { seen, rows } = value as Partial<Record<keyof ActionSample, unknown>>
  const isRow = (row: unknown) =>
    Array.isArray(row) &&
    row.length === columns &&
    row.every((cell) => cell === null || Number.isFinite(cell))
  return (
    Number.isSafeInteger(seen) &&
    Array.isArray(rows) &&
    rows.length <= Math.min(seen as number, ACTIONS_MAX) &&
    rows.every(isRow)
  )
}
