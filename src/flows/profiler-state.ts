/**
 * All that the profiler holds (`profile-handshakes.ts`), its settings, and how it begins. Bounded: profiles in memory, and of
 * those a share per network, so that a client that changes its fingerprint each time pushes out its own; verdicts; signatures;
 * samples. Changed by the flows `profile-handshakes.ts`, `learn-*.ts`, `profiler-*.ts` and `judge-profile.ts`.
 *
 * @module
 */

import type { TrainedForest } from '../behavior/handshake/assess.ts'
import { type ChurnWatch, newChurnWatch } from '../behavior/handshake/churn.ts'
import { cool, type HotProfiles, newHotProfiles } from '../behavior/handshake/hot-profiles.ts'
import { type MishapCounts, newMishapCounts } from '../behavior/handshake/mishaps.ts'
import { Prevalence } from '../behavior/handshake/prevalence.ts'
import type { Profile } from '../behavior/handshake/profile.ts'
import { newRateHistory, type RateHistory } from '../behavior/handshake/rate.ts'
import {
  HANDSHAKE_SCORING_DEFAULTS,
  type HandshakeScoring,
  newHandshakeScoring,
} from '../behavior/handshake/score.ts'
import type { Signature } from '../behavior/handshake/signature.ts'
import type { Verdict } from '../behavior/handshake/verdict.ts'
import {
  CALIBRATION_DEFAULTS,
  type Calibration,
  type CalibrationOptions,
  newCalibration,
} from '../behavior/threshold/conformal.ts'
import type { Random } from '../ground/random.ts'
import { readSnapshot, writeSnapshot } from './profiler-snapshot.ts'
import { TicketClaims } from './ticket-claims.ts'

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

/** Changed by the flows named above only. */
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
  /** Came once, of who changes each time, and there are examples enough: not worth a place in the store. */
  readonly passing: WeakSet<Profile>
  readonly claims: TicketClaims
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
export interface FingerprintState {
  readonly rate: RateHistory
  /** Address groups that sent it with nothing against them, and those confirmed as bad: the first few. */
  readonly good: Set<string>
  readonly bad: Set<string>
}

/** Stable fingerprints followed: the same number as each worker remembers. */
const FINGERPRINTS_MAX = HANDSHAKE_SCORING_DEFAULTS.fingerprintsMax
export const GROUPS_REMEMBERED = 8

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
    passing: new WeakSet(),
    claims: new TicketClaims(),
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

export function fingerprintOf(
  profiler: Profiler,
  ja4Stable: string,
  now: number,
): FingerprintState {
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

/** As if it had never been seen; the caller removes what it stored. What a person confirmed stays a signature. */
export function forgetProfile(profiler: Profiler, id: string): void {
  const profile = profiler.hot.profiles.get(id)
  if (profile !== undefined) cool(profiler.hot, profile)
  profiler.verdicts.delete(id)
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
