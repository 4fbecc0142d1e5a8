/**
 * A profile scored anew, with all that is held against it: what it did itself (`behavior/handshake/assess.ts`), which becomes
 * a verdict of its own, and what is held against its kind (a confirmed pattern, a network that churns, a flood of its
 * fingerprint), which ends when that does.
 *
 * @module
 */

import type { Reason } from '../behavior/decision.ts'
import { assess, onlyHelloReasons, type Surroundings } from '../behavior/handshake/assess.ts'
import { joinEvidence, scoreOf } from '../behavior/handshake/evidence.ts'
import { Prevalence } from '../behavior/handshake/prevalence.ts'
import { HISTORY_MAX, type Profile, round } from '../behavior/handshake/profile.ts'
import { matches } from '../behavior/handshake/verdict-table.ts'
import { learnScore } from '../behavior/threshold/conformal.ts'
import { tierOf } from '../behavior/tier.ts'
import { addSample } from './profiler-forest.ts'
import { signatureReason, signaturesOf } from './profiler-signatures.ts'
import type { Profiler } from './profiler-state.ts'
import { putVerdict, verdictsOnKind } from './profiler-verdicts.ts'

/** Scores the profile anew; true when the workers should know. */
export function judge(
  profiler: Profiler,
  profile: Profile,
  now: number,
  prevalence: number,
): boolean {
  const { tier2 } = profiler.settings
  const { claimed, reasons } = assess(profile, surroundingsOf(profiler, prevalence), now)
  profile.claimed = round(claimed)
  if (profile.label === 'good') {
    setScore(profiler, profile, [], now)
    return profiler.verdicts.delete(profile.id)
  }
  const own = [...markedReasons(profiler, profile), ...reasons]
  // What workers hear otherwise (a hello judged by itself, verdicts on its kind) and hold against it as well: it ends there.
  const kind = verdictsOnKind(profiler, profile, now).map((verdict) => verdict.reasons)
  const others = [onlyHelloReasons(profile), confirmedReasons(profiler, profile, now), ...kind]
  setScore(profiler, profile, joinEvidence([own, ...others]), now)
  const score = scoreOf(own)
  if (score < tier2) return profiler.verdicts.delete(profile.id)
  // Floods end: their verdict does so sooner.
  const isFlood = own.every(({ detector, weight }) => weight < 1 || detector === 'rate')
  const { floodVerdictMs, verdictMs } = profiler.settings
  return putVerdict(profiler, profile.id, {
    subject: { kind: 'profile', profile: profile.id },
    score,
    reasons: own,
    until: now + (isFlood ? floodVerdictMs : verdictMs),
  })
}

/** Clients count alike, whether they connect often or not: one is learned from at its 2nd, 4th, 8th ... connection. */
export function isLearnedFrom(before: number, connections: number): boolean {
  return connections >= 2 && Math.clz32(before) > Math.clz32(connections)
}

/** Learns from the score of a profile that was just judged, when {@link isLearnedFrom} says so. */
export function learnFromScore(profiler: Profiler, profile: Profile, now: number): void {
  const { reasons, label, claimed } = profile
  if (label === 'bad') return
  const exact = scoreOf(reasons.filter(({ detector }) => detector === 'randomness'))
  if (exact >= profiler.settings.tier2) return
  learnScore(profiler.calibration, profiler.calibrationOptions, claimed, now)
  if (profile.score < profiler.settings.tier2 && profile.form === '') addSample(profiler, profile)
}

/** Connections without a readable hello have no fingerprint to make a signature of: the profile alone is named. */
function markedReasons(profiler: Profiler, profile: Profile): Reason[] {
  if (profile.ja4Stable !== '' || profile.label !== 'bad') return []
  const text = `${profile.labelledBy} marked it as bad`
  return [{ code: 'marked-bad', text, weight: profiler.settings.tier3, detector: 'signature' }]
}

/** A person, or the rigorous pool, has confirmed that what is like this is bad. */
function confirmedReasons(profiler: Profiler, profile: Profile, now: number): Reason[] {
  const { ja4Stable, addressGroup } = profile
  if (ja4Stable === '') return []
  const ja4 = profile.ja4s[0] ?? ''
  const signature = signaturesOf(profiler, now).find(({ match }) =>
    matches(match, { ja4, ja4Stable, addressGroup }),
  )
  return signature === undefined ? [] : [signatureReason(signature, profiler.settings.tier3)]
}

export function setScore(
  { settings }: Profiler,
  profile: Profile,
  reasons: readonly Reason[],
  now: number,
): void {
  const score = round(scoreOf(reasons))
  const tier = tierOf(score, settings)
  const last = profile.history.at(-1)
  profile.score = score
  profile.tier = tier
  profile.reasons = reasons
  if (last !== undefined && last.tier === tier && now < last.at + HISTORY_STEP_MS) return
  profile.history = [...profile.history, { at: now, score, tier }].slice(-HISTORY_MAX)
}
const HISTORY_STEP_MS = 60_000

function surroundingsOf(profiler: Profiler, prevalence: number): Surroundings {
  const { settings, calibration, calibrationOptions, mishaps, pauses, rate, forest } = profiler
  const { tier2 } = settings
  return { tier2, calibration, calibrationOptions, mishaps, pauses, rate, forest, prevalence }
}

/** A week, since each hour comes once a day. */
const HOURLY_HALF_LIFE_MS = 7 * 86_400_000
const HOURLY_LABELS_MAX = 512

/** As common as at the hour at which it is more so. */
export function prevalenceOf(
  profiler: Profiler,
  ja4Stable: string,
  now: number,
  times = 1,
): number {
  const hour = Math.floor(now / 3_600_000) % 24
  profiler.hourly[hour] ??= new Prevalence({
    halfLifeMs: HOURLY_HALF_LIFE_MS,
    labelsMax: HOURLY_LABELS_MAX,
  })
  const then = profiler.hourly[hour]?.meet(ja4Stable, now, times) ?? 1
  return Math.max(then, profiler.prevalence.meet(ja4Stable, now, times))
}
