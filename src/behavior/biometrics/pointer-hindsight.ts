/**
 * What a person's own movements would have scored had the profile been judged as it is now, each by those before it: as
 * `typing-hindsight.ts` has it for typing.
 *
 * Only while every action that was ever offered is kept, in its order: a sample of many days has no days any more.
 *
 * @module
 */
import type { PointerProfile } from './pointer-profile.ts'
import { fitPointerProfile, scoreSession } from './pointer-score.ts'

/** Actions of one observation. */
const WINDOW = 20
/** Fewer make no profile (`pointer-score.ts`). */
const FIRST = 100
/** A fit takes some milliseconds: three of 600 actions. */
const STEP = 200

/** Deviations of windows of the confirmed actions, oldest first; none of the first {@link FIRST}. */
export function pointerHindsight(
  profile: PointerProfile,
  features: readonly string[],
  others: readonly Float64Array[] | undefined,
): number[] {
  const { seen, rows } = profile.confirmed
  if (seen > rows.length) return []
  const scores: number[] = []
  for (let from = FIRST; from < rows.length; from += STEP) {
    const before = {
      ...profile,
      confirmed: { seen: from, rows: rows.slice(0, from) },
      unconfirmed: { seen: 0, rows: [] },
    }
    const fit = fitPointerProfile(before, undefined, features, others)
    const end = Math.min(rows.length, from + STEP)
    for (let at = from; at + WINDOW <= end; at += WINDOW) {
      const actions = rows
        .slice(at, at + WINDOW)
        .map((row) => Float64Array.from(row, (value) => value ?? Number.NaN))
      const verdict = scoreSession(fit, actions)
      if (verdict.kind === 'scored') scores.push(verdict.deviation)
    }
  }
  return scores
}
