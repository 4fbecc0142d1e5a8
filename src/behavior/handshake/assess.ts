/**
 * The score of a profile: what each detector finds in it, put together into one p-value (as digits, -log10 p). Chances by
 * counting (`randomness`) stand as they are; what rests on assumptions (`form`, `rate`) or on likeness (`rarity`,
 * `profile`) is calibrated by clients that were not flagged. Likeness alone is bounded below tier 2: being rare or new is no
 * crime. Not here: what follows from a score (`flows/profile-handshakes.ts`).
 *
 * @module
 */
import { type IsolationForest, isolationScore } from '../../math/isolation-forest.ts'
import { digitsOf, logBinomialTail } from '../../math/tails.ts'
import type { Reason } from '../decision.ts'
import { type Calibration, type CalibrationOptions, calibrate } from '../threshold/conformal.ts'
import { scoreOf } from './evidence.ts'
import { type MishapCounts, mishapReasons } from './mishaps.ts'
import type { Profile } from './profile.ts'
import { randomReasons } from './random-evidence.ts'
import { type RateHistory, rateReasons } from './rate.ts'

/** What a profile is compared with. */
export interface Surroundings {
  readonly tier2: number
  readonly calibration: Calibration
  readonly calibrationOptions: CalibrationOptions
  readonly mishaps: MishapCounts
  /** Fading counts of ordinary hellos, and of those that paused longer than their path explains. */
  readonly pauses: { readonly hellos: number; readonly paused: number }
  readonly rate: RateHistory
  readonly forest: TrainedForest | undefined
  /** Share of connections here whose fingerprint is as rare. */
  readonly prevalence: number
}

/** A forest, and how the clients it was trained on score in it, in rising order. */
export interface TrainedForest {
  readonly forest: IsolationForest
  readonly scores: readonly number[]
}

export interface Assessment {
  readonly score: number
  readonly reasons: readonly Reason[]
  /** What rests on assumptions, before calibration. */
  readonly claimed: number
}

/** Half the way to tier 2 for rarity, three eighths for unlikeness: together they stay below. A choice: {@link roomForLikeness} makes it harmless. */
export const RARITY_SHARE = 0.5
const UNLIKENESS_SHARE = 0.375
const DIGITS_MIN = 0.5

export function assess(profile: Profile, around: Surroundings, now: number): Assessment {
  const exact = strongest([randomReasons(profile.randoms), flaggedReasons(profile)])
  const conduct = [
    ...formReasons(profile, around),
    ...rateReasons(profile.rate, around.rate, now, 'this client'),
  ]
  const likeness = [...rarityReasons(around), ...unlikenessReasons(profile, around)]
  const raw = scoreOf(conduct) + scoreOf(likeness)
  const calibrated = calibrate(around.calibration, around.calibrationOptions, raw)
  const factor = raw === 0 ? 0 : calibrated / raw
  const facts = [...exact, ...scaled(conduct, factor)]
  const room = roomForLikeness(scoreOf(facts), scoreOf(likeness) * factor, around.tier2)
  const reasons = [...facts, ...scaled(likeness, factor * room)]
  return { score: scoreOf(reasons), reasons, claimed: raw }
}

function scaled(reasons: readonly Reason[], factor: number): Reason[] {
  return reasons.map((reason) => ({ ...reason, weight: reason.weight * factor }))
}

/**
 * Likeness never takes a client over the first threshold that what it did has not passed: a client that is rare stays so, and
 * each of its many looks at a weak finding would be one at a level of 10^-1.5.
 */
function roomForLikeness(facts: number, likeness: number, tier2: number): number {
  if (likeness === 0 || facts >= tier2) return 1
  return Math.min(1, Math.max(0, tier2 - MARGIN - facts) / likeness)
}
/** What is said stays below the threshold after rounding to three decimals. */
const MARGIN = 0.01

function strongest(groups: readonly Reason[][]): Reason[] {
  return groups.reduce((most, group) => (scoreOf(group) > scoreOf(most) ? group : most), [])
}

/**
 * A client whose hellos are nearly all flagged by themselves: so are those that happen not to be. One that has sent ordinary
 * ones too is left to the tests of single hellos: somebody may be imitating it from its own network.
 */
function flaggedReasons(profile: Profile): Reason[] {
  const { flagged, unflagged, flaggedDigits } = profile
  if (flagged < FLAGGED_MIN || flagged < unflagged * 3 || unflagged > UNFLAGGED_MAX) return []
  const text = `${flagged} of its ${flagged + unflagged} hellos were not random enough`
  return [{ code: 'hellos-flagged', text, weight: flaggedDigits, detector: 'randomness' }]
}
const FLAGGED_MIN = 2

/**
 * The only hello of a client so far was flagged by itself: what was decided about it is all there is to say about the client.
 * No verdict comes of one hello, and the first ordinary one ends it: a network has other clients of that kind.
 */
export function onlyHelloReasons({ flagged, unflagged, flaggedDigits }: Profile): Reason[] {
  if (flagged !== 1 || unflagged > 0) return []
  const text = 'Its only hello so far was not random enough'
  return [{ code: 'hellos-flagged', text, weight: flaggedDigits, detector: 'randomness' }]
}

/** Honest hellos get past the exact tests; a broken generator gets a few past them until it repeats. */
const UNFLAGGED_MAX = 8

function formReasons(profile: Profile, around: Surroundings): Reason[] {
  const { counts, form } = profile
  const rarityMax = around.tier2 * RARITY_SHARE
  if (form !== '') {
    return mishapReasons(around.mishaps, form, profile.connections, counts.hellos, rarityMax)
  }
  const paused = Math.floor(counts.paused)
  if (paused < PAUSED_MIN) return []
  const others = Math.max(0, around.pauses.paused - counts.paused) + PAUSES_PRIOR
  const hellos = Math.max(0, around.pauses.hellos - counts.hellos) + HELLOS_PRIOR
  const log = logBinomialTail(paused, Math.ceil(counts.hellos), Math.min(1, others / hellos))
  const weight = digitsOf(log)
  if (weight < DIGITS_MIN) return []
  const text = `${paused} of its ClientHellos paused for longer than its path explains`
  return [{ code: 'hello-paused', text, weight, detector: 'form' }]
}
/**
 * Lost packets come back after 200 ms and more (RFC 6298): one pause in ten hellos is assumed before there are hellos to learn
 * from, worse than any path we know of. A choice on the side of the client: after some hundred hellos it no longer counts.
 */
const PAUSES_PRIOR = 1
const HELLOS_PRIOR = 10
const PAUSED_MIN = 3

function rarityReasons({ prevalence, tier2 }: Surroundings): Reason[] {
  if (prevalence > 0.1) return []
  const weight = Math.min(-Math.log10(prevalence), tier2 * RARITY_SHARE)
  const text = `Its fingerprint is rare here: 1 connection in ${Math.floor(1 / prevalence)} has one as rare`
  return [{ code: 'rare-here', text, weight, detector: 'rarity' }]
}

/** Unlike its own past, and unlike all others. */
function unlikenessReasons(profile: Profile, around: Surroundings): Reason[] {
  const most = around.tier2 * UNLIKENESS_SHARE
  if (profile.softwareChanges > 0) {
    const text = 'It came with a session ticket that was given to other software'
    return [{ code: 'software-changed', text, weight: most, detector: 'profile' }]
  }
  const { forest } = around
  // A forest trained on hellos has no place for connections without one.
  if (forest === undefined || profile.form !== '') return []
  const score = isolationScore(forest.forest, profile.features)
  const p = (1 + forest.scores.length - indexIn(forest.scores, score)) / (1 + forest.scores.length)
  const weight = Math.min(most, -Math.log10(p))
  if (weight < 1) return []
  const text = 'What it offers is unlike what other clients here offer'
  return [{ code: 'unlike-others', text, weight, detector: 'profile' }]
}

/** How many of the sorted values are below. */
function indexIn(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}
