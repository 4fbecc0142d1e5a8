/**
 * What a person's own observations would have scored had the profile been judged as it is now: each by those before it
 * (prequential; Dawid, 1984), so that what a new day is like is in it. Needed when scores change their measure, because other people have
 * become known, or are no longer: the scores that were remembered do not compare then.
 *
 * @module
 */
import type { TypingBackground } from './typing-background.ts'
import { type TypingProfile, timingsOf } from './typing-profile.ts'
import { fitProfile, scoreObservation } from './typing-score.ts'

/** Deviations of the confirmed observations, oldest first; none of the first {@link FIRST}. */
export function hindsightScores(
  profile: TypingProfile,
  background: TypingBackground | undefined,
  practised = true,
): number[] {
  const { confirmed } = profile
  const scores: number[] = []
  for (let from = FIRST; from < confirmed.length; from += STEP) {
    // What nobody vouched for is newer than all that: it would know what is to come.
    const before = { ...profile, confirmed: confirmed.slice(0, from), unconfirmed: [] }
    const fit = fitProfile(before, background, practised)
    for (const row of confirmed.slice(from, from + STEP)) {
      const verdict = scoreObservation(fit, timingsOf(row))
      if (verdict.kind === 'scored') scores.push(verdict.deviation)
    }
  }
  return scores
}

/** Fewer make no profile (`typing-score.ts`). */
const FIRST = 10
/** A fit per observation would take ten times as long; a profile is this much older when it is used, too. */
const STEP = 10
