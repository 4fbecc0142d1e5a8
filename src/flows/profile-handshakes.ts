/**
 * The profiler (seed 10122689: behavioral analysis engine and continuous learning). One per supervisor: takes what the
 * workers saw, keeps the profiles of clients, scores them, and says which verdicts the workers should hold. Pure: time and
 * chance come in, storage is the caller's: load {@link missingProfiles} first, save what was touched.
 *
 * It learns from everything but what it flags. Bounded: profiles in memory, and of those a share per network, so that a
 * client that changes its fingerprint each time pushes out its own; verdicts; signatures; samples.
 * Not here: single detectors (`behavior/handshake/`), the decision on a connection (`admit-handshake.ts`), the training
 * of the forest (a thread of its own).
 *
 * @module
 */
import type { Reason } from '../behavior/decision.ts'
import { assess, type Surroundings, type TrainedForest } from '../behavior/handshake/assess.ts'
import {
  type Churn,
  type ChurnWatch,
  knownIn,
  newChurnWatch,
  watchChurn,
} from '../behavior/handshake/churn.ts'
import { scoreOf } from '../behavior/handshake/evidence.ts'
import { featureVector } from '../behavior/handshake/features.ts'
import { cool, type HotProfiles, newHotProfiles, warm } from '../behavior/handshake/hot-profiles.ts'
import {
  countConnection,
  type MishapCounts,
  newMishapCounts,
} from '../behavior/handshake/mishaps.ts'
import type {
  HandshakeObservation,
  HandshakeOutcome,
  HelloFeatures,
} from '../behavior/handshake/observation.ts'
import { Prevalence } from '../behavior/handshake/prevalence.ts'
import {
  fadeCounts,
  HISTORY_MAX,
  JA4S_MAX,
  newProfile,
  type Profile,
} from '../behavior/handshake/profile.ts'
import { addRandom, newRandomEvidence } from '../behavior/handshake/random-evidence.ts'
import { beginsWithTime } from '../behavior/handshake/random-tests.ts'
import {
  countRate,
  newRateHistory,
  type RateHistory,
  rateReasons,
} from '../behavior/handshake/rate.ts'
import {
  HANDSHAKE_SCORING_DEFAULTS,
  type HandshakeScoring,
  judgeSecrets,
  newHandshakeScoring,
} from '../behavior/handshake/score.ts'
import type { Signature } from '../behavior/handshake/signature.ts'
import type { Verdict } from '../behavior/handshake/verdict.ts'
import { matches } from '../behavior/handshake/verdict-table.ts'
import {
  CALIBRATION_DEFAULTS,
  type Calibration,
  type CalibrationOptions,
  learnMistake,
  learnScore,
  newCalibration,
} from '../behavior/threshold/conformal.ts'
import { type Tier, tierOf } from '../behavior/tier.ts'
import type { Random } from '../ground/random.ts'
import { addToMoments } from '../math/fading.ts'
import { type IsolationForest, isolationScore } from '../math/isolation-forest.ts'
import type { HandshakesSeen } from '../ports/data-plane.ts'
import { readSnapshot, writeSnapshot } from './profiler-snapshot.ts'

export interface ProfilerSettings {
  /** Share of honest clients that may be flagged. */
  readonly falsePositiveBudget: number
  /** Profiles held in memory, about 3 KB each. */
  readonly hotMax: number
  /** Of those at most this share is of one address group. */
  readonly groupShareMax: number
  /** Scores (-log10 p) from which tiers 2 and 3 begin: the same as in `AdmissionSettings`. */
  readonly tier2: number
  readonly tier3: number
  /** How long a verdict holds after the client was seen last; one for a flood much shorter. */
  readonly verdictMs: number
  readonly floodVerdictMs: number
  readonly verdictsMax: number
  readonly signatureMs: number
  readonly signaturesMax: number
  /** Failed checks of the rigorous pool that confirm a pattern, when none was passed. */
  readonly failedChecksMin: number
  /** Profiles kept as samples for the isolation forest. */
  readonly samplesMax: number
}

export const PROFILER_DEFAULTS: ProfilerSettings = {
  // One in a thousand: MEASURES asks for a realised rate within what is stated.
  falsePositiveBudget: 0.001,
  // 150 MB at 3 KB.
  hotMax: 50_000,
  // A network needs 50 fingerprints at least, and one in fifty of all holds that for small tables too.
  groupShareMax: 0.02,
  tier2: 3,
  tier3: 6,
  // An hour: scanners come back within minutes, and an address may have a new owner tomorrow.
  verdictMs: 3_600_000,
  floodVerdictMs: 60_000,
  // Pushed to each worker as one message: some 400 bytes each.
  verdictsMax: 4096,
  // 30 days, as long as an operator remembers why.
  signatureMs: 30 * 86_400_000,
  signaturesMax: 1024,
  failedChecksMin: 3,
  // Eight times what one tree draws.
  samplesMax: 2048,
}

/** Changed by the functions below only. */
export interface Profiler {
  readonly settings: ProfilerSettings
  readonly calibrationOptions: CalibrationOptions
  readonly random: Random
  readonly hot: HotProfiles
  /** Repeats across all workers and profiles. */
  readonly secrets: HandshakeScoring
  readonly prevalence: Prevalence
  /** By hour of the day, UTC: what is rare at noon may be ordinary at night. */
  readonly hourly: (Prevalence | undefined)[]
  readonly fingerprints: Map<string, FingerprintState>
  readonly churn: ChurnWatch
  readonly rate: RateHistory
  readonly pauses: { hellos: number; paused: number }
  mishaps: MishapCounts
  calibration: Calibration
  /** By subject. */
  readonly verdicts: Map<string, Verdict>
  readonly signatures: Map<string, Signature>
  readonly samples: number[][]
  sampled: number
  forest: TrainedForest | undefined
}

/** What is known of a stable fingerprint, whoever has it. */
interface FingerprintState {
  readonly rate: RateHistory
  /** Address groups that sent it with nothing against them, and those confirmed as bad: the first few. */
  readonly good: Set<string>
  readonly bad: Set<string>
}

/** Stable fingerprints followed: the same number as each worker remembers. */
const FINGERPRINTS_MAX = HANDSHAKE_SCORING_DEFAULTS.fingerprintsMax
const GROUPS_REMEMBERED = 8
/** A week, since each hour comes once a day. */
const HOURLY_HALF_LIFE_MS = 7 * 86_400_000
const HOURLY_LABELS_MAX = 512

/** `state`: what {@link snapshotOf} gave before; a bad one is refused with `profiler-state-bad`. */
export function newProfiler(deps: {
  readonly random: Random
  readonly settings: ProfilerSettings
  readonly state?: string
}): Profiler {
  const { random, settings, state } = deps
  const profiler: Profiler = {
    settings,
    calibrationOptions: {
      ...CALIBRATION_DEFAULTS,
      budget: settings.falsePositiveBudget,
      threshold: settings.tier2,
    },
    random,
    hot: newHotProfiles(settings.hotMax, settings.groupShareMax),
    secrets: newHandshakeScoring(random),
    prevalence: new Prevalence({
      halfLifeMs: HANDSHAKE_SCORING_DEFAULTS.halfLifeMs,
      labelsMax: FINGERPRINTS_MAX,
    }),
    hourly: [],
    fingerprints: new Map(),
    churn: newChurnWatch(),
    rate: newRateHistory(0),
    pauses: { hellos: 0, paused: 0 },
    mishaps: newMishapCounts(0),
    calibration: newCalibration(0),
    verdicts: new Map(),
    signatures: new Map(),
    samples: [],
    sampled: 0,
    forest: undefined,
  }
  if (state !== undefined) restore(profiler, state)
  return profiler
}

/** Ids of profiles in `seen` that are not in memory: load them and pass them to {@link learnHandshakes}. */
export function missingProfiles(profiler: Profiler, seen: HandshakesSeen): readonly string[] {
  const missing = new Set<string>()
  for (const { profile } of seen.observations)
    if (!profiler.hot.profiles.has(profile)) missing.add(profile)
  for (const { profile } of seen.outcomes)
    if (!profiler.hot.profiles.has(profile)) missing.add(profile)
  return [...missing]
}

export interface Learned {
  /** Profiles to save. They go on changing: write them out before the next call. */
  readonly touched: readonly Profile[]
  /** {@link verdictsOf} should be pushed to the workers. */
  readonly verdictsChanged: boolean
}

export function learnHandshakes(
  profiler: Profiler,
  seen: HandshakesSeen,
  loaded: readonly Profile[],
  now: number,
): Learned {
  for (const profile of loaded)
    if (!profiler.hot.profiles.has(profile.id)) warm(profiler.hot, profile)
  const touched = new Map<string, Profile>()
  let changed = false
  for (const observation of seen.observations) {
    const learned = learnHello(profiler, observation)
    if (learned.changed) changed = true
    if (learned.worthKeeping) touched.set(learned.profile.id, learned.profile)
  }
  for (const outcome of seen.outcomes) {
    const profile = profiler.hot.profiles.get(outcome.profile)
    if (profile === undefined) continue
    if (learnOutcome(profiler, profile, outcome)) changed = true
    touched.set(profile.id, profile)
  }
  if (sweep(profiler, now)) changed = true
  return { touched: [...touched.values()], verdictsChanged: changed }
}

interface LearnedHello {
  readonly profile: Profile
  readonly changed: boolean
  readonly worthKeeping: boolean
}

function learnHello(profiler: Profiler, seen: HandshakeObservation): LearnedHello {
  const now = seen.at
  const { tier2 } = profiler.settings
  const profile = profiler.hot.profiles.get(seen.profile) ?? newProfile(seen)
  if (profile.addressGroup !== seen.addressGroup) {
    // It came with its ticket from another network.
    cool(profiler.hot, profile)
    profile.addressGroup = seen.addressGroup
  }
  warm(profiler.hot, profile)
  const { features } = seen
  fadeCounts(profile, now)
  profile.lastSeen = Math.max(profile.lastSeen, now)
  profile.connections++
  profile.counts.hellos++
  const own = features === undefined ? [] : judgeSecrets(profiler.secrets, secretsOf(features), now)
  const ownScore = scoreOf(own)
  const isFlagged = ownScore >= tier2
  let churn: Churn | undefined
  if (isFlagged) {
    profile.flagged++
    profile.flaggedDigits = Math.max(profile.flaggedDigits, ownScore)
  } else if (features !== undefined && profile.form === '') {
    churn = learnFeatures(profiler, profile, features, seen)
  }
  countHits(profiler, features, seen.addressGroup)
  const wasFlagged = profile.score >= tier2 || profile.label === 'bad'
  const isOrdinary = !isFlagged && !wasFlagged && churn === undefined
  countConnection(profiler.mishaps, isOrdinary ? profile.form : '', now)
  const kind = features?.resumption === true ? 'resumed' : 'new'
  // Who passes the checks of the rigorous pool is believed: its rate is what it is.
  countRate(profile.rate, kind, now, isOrdinary || hasPassed(profile))
  countRate(profiler.rate, kind, now, true)
  let changed = churn !== undefined && condemnNewcomers(profiler, churn, now)
  const prevalence = profile.form === '' ? prevalenceOf(profiler, profile.ja4Stable, now) : 1
  if (judge(profiler, profile, now, prevalence)) changed = true
  learnFromScore(profiler, profile, now)
  if (features !== undefined && isOrdinary && watchFingerprint(profiler, features, seen))
    changed = true
  // Fingerprints that come once, to fill the store, are not worth a place in it.
  return { profile, changed, worthKeeping: churn === undefined || profile.connections > 1 }
}

function learnFeatures(
  profiler: Profiler,
  profile: Profile,
  features: HelloFeatures,
  seen: HandshakeObservation,
): Churn | undefined {
  const now = seen.at
  profile.unflagged++
  const bytes = bytesOf(features.random)
  const isTimed = features.version < TLS13 && beginsWithTime(bytes, now)
  addRandom(profile.randoms, features.random, isTimed)
  if (features.client !== '') profile.client = features.client
  if (features.ja4Stable !== profile.ja4Stable) profile.softwareChanges++
  if (!profile.ja4s.includes(features.ja4) && profile.ja4s.length < JA4S_MAX) {
    profile.ja4s.push(features.ja4)
  }
  if (features.resumption) profile.counts.resumptionsOffered++
  const vector = featureVector(features)
  const share = Math.max(1 / profile.unflagged, FEATURE_SHARE_MIN)
  for (let i = 0; i < vector.length; i++) {
    const old = profile.features[i] ?? 0
    profile.features[i] = round(old + ((vector[i] ?? 0) - old) * share)
  }
  profiler.pauses.hellos++
  if (features.chunks > 1 && features.spanMs > pauseMs(profile)) {
    profile.counts.paused++
    profiler.pauses.paused++
  }
  addToMoments(profile.span, features.spanMs, SPAN_KEEP)
  return watchChurn(profiler.churn, features.ja4Stable, seen.addressGroup, profiler.settings.tier2)
}

/** A mean over the last twenty hellos or so. */
const FEATURE_SHARE_MIN = 0.05
const SPAN_KEEP = 0.95
const TLS13 = 0x0304

/**
 * A hello's second packet comes with the first, or after a loss. A pause that is longer than four round trips, and no shorter
 * than a delayed acknowledgement or a scheduler may take (40 ms on Linux), is noted.
 */
function pauseMs(profile: Profile): number {
  return Math.max(PAUSE_MS_MIN, 4 * profile.roundTripMs)
}
const PAUSE_MS_MIN = 40

function secretsOf(features: HelloFeatures) {
  return {
    random: bytesOf(features.random),
    keyShare: features.keyShare === '' ? undefined : bytesOf(features.keyShare),
    // Whether an id belongs to a TLS 1.2 session is not told here: the worker looked at it.
    sessionId: NOTHING,
    newest: features.version,
    psk: features.resumption,
    ticket: false,
  }
}
const NOTHING = new Uint8Array(0)

function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  }
  return bytes
}

function learnOutcome(profiler: Profiler, profile: Profile, outcome: HandshakeOutcome): boolean {
  const { counts } = profile
  const { tier2, failedChecksMin } = profiler.settings
  const { result, check, at } = outcome
  fadeCounts(profile, at)
  if (result === 'full' || result === 'resumed') {
    counts[result]++
    const { handshakeMs } = outcome
    if (handshakeMs > 0 && (profile.roundTripMs === 0 || handshakeMs < profile.roundTripMs)) {
      profile.roundTripMs = round(handshakeMs)
    }
  } else if (result !== 'checked') {
    counts.incomplete++
    countRate(profile.rate, 'incomplete', at, profile.score < tier2)
  }
  if (outcome.helloRetry) counts.helloRetries++
  if (check === 'challenge-passed' || check === 'user-agent-fits') {
    const before = hasPassed(profile)
    counts.checksPassed++
    if (!before && hasPassed(profile) && profile.score >= tier2) {
      learnMistake(profiler.calibration, profiler.calibrationOptions)
    }
  }
  if (check === 'challenge-failed' || check === 'user-agent-differs') {
    counts.checksFailed++
    const isConfirmed = counts.checksFailed >= failedChecksMin && counts.checksPassed < 1
    if (isConfirmed && profile.label === '') {
      const why = `It failed ${Math.floor(counts.checksFailed)} checks of the rigorous pool and passed none`
      return addSignature(profiler, profile, 'rigorous-pool', why, at) !== undefined
    }
  }
  // A handshake that went well is no news.
  return result === 'failed' || result === 'closed' || result === 'timeout'
    ? judge(profiler, profile, at, 1)
    : false
}

/** It met the rigorous pool more than once, and every check went well. */
function hasPassed({ counts }: Profile): boolean {
  return counts.checksPassed >= CHECKS_PASSED_MIN && counts.checksFailed < 1
}
const CHECKS_PASSED_MIN = 3

/** Scores the profile anew; true when the workers should know. */
function judge(profiler: Profiler, profile: Profile, now: number, prevalence: number): boolean {
  const { tier2, tier3 } = profiler.settings
  const { claimed, score, reasons } = assess(profile, surroundingsOf(profiler, prevalence), now)
  profile.claimed = round(claimed)
  const confirmed = profile.label === 'good' ? [] : confirmedReasons(profiler, profile, now)
  const isGood = profile.label === 'good'
  setScore(
    profile,
    isGood ? 0 : score + scoreOf(confirmed),
    isGood ? [] : [...confirmed, ...reasons],
    { tier2, tier3 },
    now,
  )
  // What a signature says the workers hear from the signature: it ends when that does.
  const own = profile.ja4Stable === '' ? profile.score : profile.score - scoreOf(confirmed)
  if (own < tier2) return profiler.verdicts.delete(profile.id)
  const flood = profile.reasons.every(({ detector, weight }) => weight < 1 || detector === 'rate')
  const { floodVerdictMs, verdictMs } = profiler.settings
  return putVerdict(profiler, profile.id, {
    subject: { kind: 'profile', profile: profile.id },
    score: own,
    reasons: profile.reasons.filter(({ code }) => code !== SIGNATURE_CODE),
    until: now + (flood ? floodVerdictMs : verdictMs),
  })
}

/** Clients count alike, whether they connect often or not: one is learned from at its 2nd, 4th, 8th ... connection. */
function learnFromScore(profiler: Profiler, profile: Profile, now: number): void {
  const { connections, reasons, label, claimed } = profile
  if (connections < 2 || (connections & (connections - 1)) !== 0 || label === 'bad') return
  const exact = scoreOf(reasons.filter(({ detector }) => detector === 'randomness'))
  if (exact >= profiler.settings.tier2) return
  learnScore(profiler.calibration, profiler.calibrationOptions, claimed, now)
  if (profile.score < profiler.settings.tier2 && profile.form === '') addSample(profiler, profile)
}

const SIGNATURE_CODE = 'signature'

/** A person, or the rigorous pool, has confirmed that it is bad. */
function confirmedReasons(profiler: Profiler, profile: Profile, now: number): Reason[] {
  const { ja4Stable, addressGroup, label, labelledBy } = profile
  const weight = profiler.settings.tier3
  if (ja4Stable === '') {
    if (label !== 'bad') return []
    // Connections without a readable hello have no fingerprint: the profile alone is named.
    const text = `${labelledBy} marked it as bad`
    return [{ code: 'marked-bad', text, weight, detector: 'signature' }]
  }
  const ja4 = profile.ja4s[0] ?? ''
  const signature = signaturesOf(profiler, now).find(({ match }) =>
    matches(match, { ja4, ja4Stable, addressGroup }),
  )
  return signature === undefined ? [] : [signatureReason(signature, weight)]
}

function signatureReason({ why }: Signature, weight: number): Reason {
  const text = `It matches a confirmed pattern: ${why}`
  return { code: SIGNATURE_CODE, text, weight, detector: 'signature' }
}

function setScore(
  profile: Profile,
  score: number,
  reasons: readonly Reason[],
  thresholds: { readonly tier2: number; readonly tier3: number },
  now: number,
): void {
  const tier: Tier = tierOf(score, thresholds)
  const last = profile.history.at(-1)
  // Floods end: while their verdict holds the profile says why.
  profile.score = round(score)
  profile.tier = tier
  profile.reasons = reasons
  const isNews = last === undefined || last.tier !== tier || now >= last.at + HISTORY_STEP_MS
  if (isNews) {
    profile.history = [...profile.history, { at: now, score: round(score), tier }].slice(
      -HISTORY_MAX,
    )
  }
}
const HISTORY_STEP_MS = 60_000

function surroundingsOf(profiler: Profiler, prevalence: number): Surroundings {
  const { settings, calibration, calibrationOptions, mishaps, pauses, rate, forest } = profiler
  const { tier2 } = settings
  return { tier2, calibration, calibrationOptions, mishaps, pauses, rate, forest, prevalence }
}

/** As common as at the hour at which it is more so. */
function prevalenceOf(profiler: Profiler, ja4Stable: string, now: number): number {
  const hour = Math.floor(now / 3_600_000) % 24
  profiler.hourly[hour] ??= new Prevalence({
    halfLifeMs: HOURLY_HALF_LIFE_MS,
    labelsMax: HOURLY_LABELS_MAX,
  })
  const then = profiler.hourly[hour]?.meet(ja4Stable, now) ?? 1
  return Math.max(then, profiler.prevalence.meet(ja4Stable, now))
}

/** True when it is new, says something else, or would have ended soon. */
function putVerdict(profiler: Profiler, key: string, verdict: Verdict): boolean {
  const old = profiler.verdicts.get(key)
  const left = old === undefined ? 0 : old.until - (verdict.until - profiler.settings.verdictMs)
  const isKnown =
    old !== undefined &&
    Math.abs(old.score - verdict.score) < 1 &&
    verdict.until - old.until < Math.max(left, profiler.settings.floodVerdictMs) / 2
  if (isKnown) return false
  profiler.verdicts.delete(key)
  profiler.verdicts.set(key, verdict)
  for (const oldest of profiler.verdicts.keys()) {
    if (profiler.verdicts.size <= profiler.settings.verdictsMax) break
    profiler.verdicts.delete(oldest)
  }
  return true
}

function condemnNewcomers(profiler: Profiler, churn: Churn, now: number): boolean {
  const text = `${Math.floor(churn.fresh)} of the last connections from its network had fingerprints never seen before that differ in one part only`
  return putVerdict(profiler, `newcomers ${churn.addressGroup} ${churn.part}`, {
    subject: {
      kind: 'newcomers',
      addressGroup: churn.addressGroup,
      part: churn.part,
      known: knownIn(churn),
    },
    score: churn.digits,
    reasons: [{ code: 'fingerprints-churn', text, weight: churn.digits, detector: 'profile' }],
    until: now + profiler.settings.verdictMs,
  })
}

/** Rates of a fingerprint over all its clients that are not flagged themselves. */
function watchFingerprint(
  profiler: Profiler,
  features: HelloFeatures,
  seen: HandshakeObservation,
): boolean {
  const { ja4Stable } = features
  const state = fingerprintOf(profiler, ja4Stable, seen.at)
  if (state.good.size < GROUPS_REMEMBERED) state.good.add(seen.addressGroup)
  const key = `rate ${ja4Stable}`
  const isFlood = profiler.verdicts.has(key)
  countRate(state.rate, features.resumption ? 'resumed' : 'new', seen.at, !isFlood)
  const reasons = rateReasons(state.rate, profiler.rate, seen.at, 'clients with this fingerprint')
  const score = scoreOf(reasons)
  // One network with the fingerprint is one profile: that has its own verdict.
  if (score < profiler.settings.tier2 || state.good.size < 2) return false
  return putVerdict(profiler, key, {
    subject: { kind: 'signature', signature: key, match: { ja4Stable } },
    score,
    reasons,
    until: seen.at + profiler.settings.floodVerdictMs,
  })
}

function fingerprintOf(profiler: Profiler, ja4Stable: string, now: number): FingerprintState {
  const { fingerprints } = profiler
  const known = fingerprints.get(ja4Stable)
  if (known !== undefined) {
    fingerprints.delete(ja4Stable)
    fingerprints.set(ja4Stable, known)
    return known
  }
  for (const oldest of fingerprints.keys()) {
    if (fingerprints.size < FINGERPRINTS_MAX) break
    fingerprints.delete(oldest)
  }
  const state = { rate: newRateHistory(now), good: new Set<string>(), bad: new Set<string>() }
  fingerprints.set(ja4Stable, state)
  return state
}

/** Ends what is over; true when the workers should know. */
function sweep(profiler: Profiler, now: number): boolean {
  for (const [key, verdict] of profiler.verdicts) {
    if (verdict.until <= now) profiler.verdicts.delete(key)
  }
  let ended = false
  for (const [id, signature] of profiler.signatures) {
    if (signature.until <= now && profiler.signatures.delete(id)) ended = true
  }
  return ended
}

/** Those in force, in no special order. */
export function verdictsOf(profiler: Profiler, now: number): readonly Verdict[] {
  const verdicts = [...profiler.verdicts.values()].filter(({ until }) => until > now)
  for (const signature of signaturesOf(profiler, now)) {
    const weight = profiler.settings.tier3
    verdicts.push({
      subject: { kind: 'signature', signature: signature.id, match: signature.match },
      score: weight,
      reasons: [signatureReason(signature, weight)],
      until: signature.until,
    })
  }
  return verdicts
}

export interface Feedback {
  readonly profile: string
  readonly label: 'good' | 'bad'
  /** Who says so. */
  readonly by: string
}

/** A person's word about a profile: it wins over all but the exact tests of single hellos. */
export function learnFeedback(
  profiler: Profiler,
  feedback: Feedback,
  stored: Profile | undefined,
  now: number,
): { readonly touched: readonly Profile[]; readonly signature?: Signature } {
  const profile = profiler.hot.profiles.get(feedback.profile) ?? stored
  if (profile === undefined) return { touched: [] }
  warm(profiler.hot, profile)
  profile.label = feedback.label
  profile.labelledBy = feedback.by
  const { tier2, tier3 } = profiler.settings
  if (feedback.label === 'good') {
    if (profile.score >= tier2) learnMistake(profiler.calibration, profiler.calibrationOptions)
    const { ja4Stable, addressGroup } = profile
    const ja4 = profile.ja4s[0] ?? ''
    for (const [id, { match }] of profiler.signatures) {
      if (matches(match, { ja4, ja4Stable, addressGroup })) profiler.signatures.delete(id)
    }
    fingerprintOf(profiler, ja4Stable, now).bad.delete(addressGroup)
    profiler.verdicts.delete(profile.id)
    profile.randoms = newRandomEvidence()
    profile.flagged = 0
    profile.flaggedDigits = 0
    setScore(profile, 0, [], { tier2, tier3 }, now)
    return { touched: [profile] }
  }
  const why = `${feedback.by} marked profile ${profile.id} as bad`
  const signature = addSignature(profiler, profile, feedback.by, why, now)
  judge(profiler, profile, now, 1)
  return { touched: [profile], ...(signature === undefined ? {} : { signature }) }
}

/** Networks confirmed as bad after which a fingerprint that no good client has is bad everywhere. */
const BAD_GROUPS_MIN = 3

function addSignature(
  profiler: Profiler,
  profile: Profile,
  by: string,
  why: string,
  now: number,
): Signature | undefined {
  const { ja4Stable, addressGroup } = profile
  if (ja4Stable === '') return undefined
  const known = fingerprintOf(profiler, ja4Stable, now)
  if (known.bad.size < GROUPS_REMEMBERED) known.bad.add(addressGroup)
  known.good.delete(addressGroup)
  const isWhole = known.bad.size >= BAD_GROUPS_MIN && known.good.size === 0
  const match = isWhole ? { ja4Stable } : { ja4Stable, addressGroup }
  const id = nameOf(`${ja4Stable} ${isWhole ? '' : addressGroup}`)
  const until = now + profiler.settings.signatureMs
  const old = profiler.signatures.get(id)
  const signature = { id, match, since: old?.since ?? now, until, by, why, hits: old?.hits ?? 0 }
  profiler.signatures.delete(id)
  profiler.signatures.set(id, signature)
  for (const oldest of profiler.signatures.keys()) {
    if (profiler.signatures.size <= profiler.settings.signaturesMax) break
    profiler.signatures.delete(oldest)
  }
  return signature
}

/** 48 bits of FNV-1a, twice: a name, not a proof. */
function nameOf(text: string): string {
  let high = 0x811c9dc5
  let low = 0x01000193
  for (let i = 0; i < text.length; i++) {
    high = Math.imul(high ^ text.charCodeAt(i), 0x01000193)
    low = Math.imul(low ^ text.charCodeAt(text.length - 1 - i), 0x01000193)
  }
  const part = (hash: number) => (hash >>> 8).toString(16).padStart(6, '0')
  return part(high) + part(low)
}

function countHits(
  profiler: Profiler,
  features: HelloFeatures | undefined,
  addressGroup: string,
): void {
  if (features === undefined) return
  const { ja4, ja4Stable } = features
  for (const [id, signature] of profiler.signatures) {
    if (!matches(signature.match, { ja4, ja4Stable, addressGroup })) continue
    profiler.signatures.set(id, { ...signature, hits: signature.hits + 1 })
  }
}

/** Those that have not ended, the oldest first. */
export function signaturesOf(profiler: Profiler, now: number): readonly Signature[] {
  return [...profiler.signatures.values()].filter(({ until }) => until > now)
}

/** False when there is none with that id. */
export function removeSignature(profiler: Profiler, id: string): boolean {
  return profiler.signatures.delete(id)
}

/** As if it had never been seen; the caller removes what it stored. What a person confirmed stays a signature. */
export function forgetProfile(profiler: Profiler, id: string): void {
  const profile = profiler.hot.profiles.get(id)
  if (profile !== undefined) cool(profiler.hot, profile)
  profiler.verdicts.delete(id)
}

/** Reservoir sampling (Vitter, 1985, algorithm R): every profile has the same chance to be a sample. */
function addSample(profiler: Profiler, profile: Profile): void {
  const { samples, settings, random } = profiler
  const at =
    samples.length < settings.samplesMax
      ? samples.length
      : Math.floor(random.fraction() * profiler.sampled)
  if (at < settings.samplesMax) samples[at] = [...profile.features]
  // Older samples make room in the end: the reservoir is never deeper than four times its size.
  profiler.sampled = Math.min(profiler.sampled + 1, settings.samplesMax * 4)
}

/** Features of clients that were not flagged: to train the isolation forest on, in a thread of its own. */
export function trainingSamples(profiler: Profiler): readonly (readonly number[])[] {
  return profiler.samples.map((sample) => [...sample])
}

export function takeForest(profiler: Profiler, forest: IsolationForest): void {
  const scores = profiler.samples
    .map((sample) => isolationScore(forest, sample))
    .sort((a, b) => a - b)
  profiler.forest = { forest, scores }
}

/** What is learned about clients at large, as JSON for {@link newProfiler}; profiles are in their store. */
export function snapshotOf(profiler: Profiler): string {
  return writeSnapshot({ ...profiler, signatures: [...profiler.signatures.values()] })
}

function restore(profiler: Profiler, json: string): void {
  const { calibration, mishaps, pauses, churn, signatures } = readSnapshot(json)
  profiler.calibration = calibration
  profiler.mishaps = mishaps
  Object.assign(profiler.pauses, pauses)
  profiler.churn.connections = churn.connections
  profiler.churn.fresh = churn.fresh
  for (const fingerprint of churn.seen) profiler.churn.seen.add(fingerprint)
  for (const signature of signatures) profiler.signatures.set(signature.id, signature)
}

/** Three decimals: profiles are kept as JSON. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
