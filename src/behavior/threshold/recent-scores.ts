/**
 * The scores of late, as a tuner needs them: where the middle and the spread are now, and how many would be above a
 * threshold. Plain JSON data.
 *
 * @module
 */

export interface RecentScores {
  /** The oldest is at `next` once it is full. */
  readonly scores: number[]
  next: number
}

export const newRecentScores = (): RecentScores => ({ scores: [], next: 0 })

export function addScore(recent: RecentScores, score: number, most: number): void {
  recent.scores[recent.next] = score
  recent.next = (recent.next + 1) % most
}

/** Ascending. */
export function sortedScores({ scores }: RecentScores): Float64Array {
  return Float64Array.from(scores).sort()
}

/** How many are at or above it. @param sorted ascending */
export function countFrom(sorted: Float64Array, threshold: number): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((sorted[middle] as number) >= threshold) to = middle
    else from = middle + 1
  }
  return sorted.length - from
}

/** Middle and spread, which a few attacks among many do not move: median, and half of what lies between the quartiles. */
export interface Scale {
  readonly middle: number
  readonly spread: number
}

export function scaleOf(sorted: Float64Array): Scale {
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  return { middle: at(0.5), spread: Math.max(SPREAD_MIN, (at(0.75) - at(0.25)) / 2) }
}

/** Scores that are all the same have no spread to divide by. */
const SPREAD_MIN = 1e-9
