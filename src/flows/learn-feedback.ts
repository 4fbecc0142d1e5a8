/**
 * What a person says about a client: marked as good or as bad.
 *
 * @module
 */
import { makeKnown } from '../behavior/handshake/churn.ts'
import { warm } from '../behavior/handshake/hot-profiles.ts'
import type { Profile } from '../behavior/handshake/profile.ts'
import { newRandomEvidence } from '../behavior/handshake/random-evidence.ts'
import type { Signature } from '../behavior/handshake/signature.ts'
import { matches } from '../behavior/handshake/verdict-table.ts'
import { learnMistake } from '../behavior/threshold/conformal.ts'
import { judge, setScore } from './judge-profile.ts'
import { addSignature } from './profiler-signatures.ts'
import { fingerprintOf, type Profiler } from './profiler-state.ts'
import { acquit } from './profiler-verdicts.ts'

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
  const { tier2 } = profiler.settings
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
    makeKnown(profiler.churn, addressGroup, ja4Stable)
    acquit(profiler, ja4Stable, addressGroup)
    setScore(profiler, profile, [], now)
    return { touched: [profile] }
  }
  const why = `${feedback.by} marked profile ${profile.id} as bad`
  const signature = addSignature(profiler, profile, feedback.by, why, now)
  judge(profiler, profile, now, 1)
  return { touched: [profile], ...(signature === undefined ? {} : { signature }) }
}
