/**
 * Whether the scores of a person's sessions creep: what the later half of them reached, in the middle, over what the earlier half did.
 *
 * @module
 */
import { formatScore } from './format.ts'

/** Fewer say nothing. */
const SESSIONS_MIN = 8

/** Digits; undefined while there are too few sessions. @param scores the highest of each session, oldest first */
export function scoreDrift(scores: readonly number[]): number | undefined {
  if (scores.length < SESSIONS_MIN) return undefined
  const half = Math.floor(scores.length / 2)
  return middleOf(scores.slice(-half)) - middleOf(scores.slice(0, half))
}

/** +0.25, 0.00, -1.50. */
export function signed(digits: number): string {
  return `${digits >= 0.005 ? '+' : ''}${formatScore(digits)}`
}

function middleOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) / 2
  return ((sorted[Math.floor(at)] ?? 0) + (sorted[Math.ceil(at)] ?? 0)) / 2
}
