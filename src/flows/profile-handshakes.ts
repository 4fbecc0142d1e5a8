/**
 * The profiler (seed 10122689: behavioral analysis engine and continuous learning). One per supervisor: takes what the
 * workers saw, keeps the profiles of clients, scores them, and says which verdicts the workers should hold. Pure: time and
 * chance come in, storage is the caller's: load {@link missingProfiles} first, save what was touched.
 *
 * It learns from everything but what it flags.
 * Not here: what it holds (`profiler-state.ts`), how a profile is judged (`judge-profile.ts`), verdicts, signatures and forest
 * (`profiler-*.ts`), outcomes and feedback (`learn-*.ts`), single detectors (`behavior/handshake/`), the decision on a
 * connection (`admit-handshake.ts`).
 *
 * @module
 */
import { type Churn, keepExample, watchChurn } from '../behavior/handshake/churn.ts'
import { scoreOf } from '../behavior/handshake/evidence.ts'
import { featureVector } from '../behavior/handshake/features.ts'
import { cool, warm } from '../behavior/handshake/hot-profiles.ts'
import { countConnection } from '../behavior/handshake/mishaps.ts'
import type { HandshakeObservation, HelloFeatures } from '../behavior/handshake/observation.ts'
import {
  fadeCounts,
  JA4S_MAX,
  newProfile,
  type Profile,
  round,
} from '../behavior/handshake/profile.ts'
import { addRandom } from '../behavior/handshake/random-evidence.ts'
import { beginsWithTime } from '../behavior/handshake/random-tests.ts'
import { countRate } from '../behavior/handshake/rate.ts'
import { judgeSecrets } from '../behavior/handshake/score.ts'
import { fromHex } from '../ground/hex.ts'
import { addToMoments } from '../math/fading.ts'
import type { HandshakesSeen } from '../ports/data-plane.ts'
import { isLearnedFrom, judge, learnFromScore, prevalenceOf } from './judge-profile.ts'
import { learnMore } from './learn-more.ts'
import { hasPassed, learnOutcome } from './learn-outcome.ts'
import { countHits } from './profiler-signatures.ts'
import type { Profiler } from './profiler-state.ts'
import { acquit, condemnNewcomers, sweep, watchFingerprint } from './profiler-verdicts.ts'

/** Ids of profiles in `seen` that are not in memory: load them and pass them to {@link learnHandshakes}. */
export function missingProfiles(profiler: Profiler, seen: HandshakesSeen): readonly string[] {
  const missing = new Set<string>()
  const want = (profile: string) => {
    if (!profiler.hot.profiles.has(profile)) missing.add(profile)
  }
  for (const { profile, own } of seen.observations) {
    want(profile)
    want(own)
  }
  for (const outcome of seen.outcomes) profiler.claims.profilesOf(outcome).forEach(want)
  for (const { profile } of seen.more ?? []) want(profile)
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
  const due: Due = new Map()
  let changed = false
  const learn = (observation: HandshakeObservation | undefined): void => {
    if (observation === undefined) return
    const learned = learnHello(profiler, observation, due)
    if (learned.changed) changed = true
    if (!profiler.passing.has(learned.profile)) touched.set(learned.profile.id, learned.profile)
  }
  for (const observation of seen.observations) {
    learn(observation.lineage ? profiler.claims.hold(observation) : observation)
  }
  for (const outcome of seen.outcomes) {
    learn(profiler.claims.settle(outcome))
    const profile = profiler.hot.profiles.get(profiler.claims.profileOf(outcome))
    if (profile === undefined) continue
    if (learnOutcome(profiler, profile, outcome)) changed = true
    if (!profiler.passing.has(profile)) touched.set(profile.id, profile)
  }
  for (const more of seen.more ?? []) {
    const profile = profiler.hot.profiles.get(more.profile)
    // Pushed out of memory by others of this batch: it is busy enough to be there the next time.
    if (profile === undefined) continue
    const before = profile.connections
    const prevalence = learnMore(profiler, profile, more)
    if (judgeInTurn(profiler, profile, { at: more.at, prevalence, before, due, isNews: false }))
      changed = true
    touched.set(profile.id, profile)
  }
  for (const unproven of profiler.claims.expire(now)) learn(unproven)
  for (const [profile, { at, prevalence }] of due) {
    if (judge(profiler, profile, at, prevalence)) changed = true
  }
  if (sweep(profiler, now)) changed = true
  return { touched: [...touched.values()], verdictsChanged: changed }
}

/** Profiles to be judged when the batch is over, each as of its last hello: a busy client is judged once for all of them. */
type Due = Map<Profile, { readonly at: number; readonly prevalence: number }>

interface LearnedHello {
  readonly profile: Profile
  readonly changed: boolean
}

function learnHello(profiler: Profiler, seen: HandshakeObservation, due: Due): LearnedHello {
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
  if (isFlagged) {
    profile.flagged++
    profile.flaggedDigits = Math.max(profile.flaggedDigits, ownScore)
  } else if (features !== undefined && profile.form === '') {
    learnFeatures(profiler, profile, features, now)
  }
  const churn = churnOf(profiler, profile, seen, isFlagged)
  countHits(profiler, features, seen.addressGroup)
  const wasFlagged = profile.score >= tier2 || profile.label === 'bad'
  const isOrdinary = !isFlagged && !wasFlagged && churn === undefined
  countConnection(profiler.mishaps, isOrdinary ? profile.form : '', now)
  const kind = features?.resumption === true ? 'resumed' : 'new'
  // Who passes the checks of the rigorous pool is believed: its rate is what it is.
  countRate(profile.rate, kind, now, isOrdinary || hasPassed(profile))
  countRate(profiler.rate, kind, now, true)
  let changed =
    churn === undefined
      ? acquit(profiler, profile.ja4Stable, seen.addressGroup)
      : condemnNewcomers(profiler, churn, now)
  const prevalence = profile.form === '' ? prevalenceOf(profiler, profile.ja4Stable, now) : 1
  const before = profile.connections - 1
  const isNews = isFlagged || churn !== undefined || before === 0
  if (judgeInTurn(profiler, profile, { at: now, prevalence, before, due, isNews })) changed = true
  if (features !== undefined && isOrdinary && watchFingerprint(profiler, profile, features, seen))
    changed = true
  if (profile.connections > 1) profiler.passing.delete(profile)
  else if (churn !== undefined && !keepExample(churn)) profiler.passing.add(profile)
  return { profile, changed }
}

/** Judges a profile now if something is new about it, else with its batch; true when the workers should know. */
function judgeInTurn(
  profiler: Profiler,
  profile: Profile,
  turn: {
    readonly at: number
    readonly prevalence: number
    /** Connections it had before. */
    readonly before: number
    readonly due: Due
    readonly isNews: boolean
  },
): boolean {
  const { at, prevalence, before, due, isNews } = turn
  const isLearned = isLearnedFrom(before, profile.connections)
  if (!isNews && !isLearned) {
    due.set(profile, { at, prevalence })
    return false
  }
  due.delete(profile)
  const changed = judge(profiler, profile, at, prevalence)
  if (isLearned) learnFromScore(profiler, profile, at)
  return changed
}

function learnFeatures(
  profiler: Profiler,
  profile: Profile,
  features: HelloFeatures,
  now: number,
): void {
  profile.unflagged++
  const bytes = fromHex(features.random)
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
}

/** The churn it is part of. Of hellos that are flagged by themselves only new fingerprints count: others would hide it. */
function churnOf(
  { churn, settings }: Profiler,
  { form }: Profile,
  { features, addressGroup }: HandshakeObservation,
  isFlagged: boolean,
): Churn | undefined {
  if (features === undefined || form !== '') return undefined
  if (isFlagged && churn.seen.has(features.ja4Stable)) return undefined
  return watchChurn(churn, features.ja4Stable, addressGroup, settings.tier2)
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
    random: fromHex(features.random),
    keyShare: features.keyShare === '' ? undefined : fromHex(features.keyShare),
    // Whether an id belongs to a TLS 1.2 session is not told here: the worker looked at it.
    sessionId: NOTHING,
    newest: features.version,
    psk: features.resumption,
    ticket: false,
  }
}
const NOTHING = new Uint8Array(0)
