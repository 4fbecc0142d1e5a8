/**
 * What became of a handshake, and of the checks of the rigorous pool, into the profile of its client.
 *
 * @module
 */
import { makeKnown } from '../behavior/handshake/churn.ts'
import type { HandshakeOutcome } from '../behavior/handshake/observation.ts'
import { fadeCounts, type Profile, round } from '../behavior/handshake/profile.ts'
import { countRate } from '../behavior/handshake/rate.ts'
import { learnMistake } from '../behavior/threshold/conformal.ts'
import { judge } from './judge-profile.ts'
import { addSignature } from './profiler-signatures.ts'
import type { Profiler } from './profiler-state.ts'
import { acquit } from './profiler-verdicts.ts'

export function learnOutcome(
  profiler: Profiler,
  profile: Profile,
  outcome: HandshakeOutcome,
): boolean {
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
    return !before && hasPassed(profile) && believe(profiler, profile)
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

/** True when verdicts changed by it. */
function believe(profiler: Profiler, profile: Profile): boolean {
  const { ja4Stable, addressGroup, claimed } = profile
  // What is held against its kind, or is exact, is no mistake of the calibration.
  if (claimed >= profiler.settings.tier2) {
    learnMistake(profiler.calibration, profiler.calibrationOptions)
  }
  makeKnown(profiler.churn, addressGroup, ja4Stable)
  return acquit(profiler, ja4Stable, addressGroup)
}

/** It met the rigorous pool more than once, and every check went well. */
export function hasPassed({ counts }: Profile): boolean {
  return counts.checksPassed >= CHECKS_PASSED_MIN && counts.checksFailed < 1
}
const CHECKS_PASSED_MIN = 3
