/**
 * The range a series was seen in: smallest and greatest of its last 5,000 to 10,000 values, in two blocks, so that an old
 * extreme leaves without anyone having to remember the values.
 *
 * @module
 */

export interface SeenRange {
  low: number
  high: number
  /** Of the block before the current one. */
  lowBefore: number
  highBefore: number
  /** Values in the current block. */
  count: number
  /** Values in all. */
  seen: number
}

/** Two and a half weeks of five-minute values. Never forgetting scores the same in NAB, but an old extreme would blind for ever. */
export const BLOCK = 5000

export function startSeenRange(): SeenRange {
  return {
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
    lowBefore: Number.POSITIVE_INFINITY,
    highBefore: Number.NEGATIVE_INFINITY,
    count: 0,
    seen: 0,
  }
}

/** Greatest less smallest, 0 before there are two different values. */
export function widthOf(range: SeenRange): number {
  return Math.max(0, highOf(range) - lowOf(range))
}

/** How far outside a value lies, in widths of the range. 0 inside, and as long as the range has no width. */
export function widthsBeyond(range: SeenRange, value: number): number {
  const width = widthOf(range)
  return width > 0 ? Math.max(0, value - highOf(range), lowOf(range) - value) / width : 0
}

/** The value, but at most one width outside. As it is as long as the range has no width. */
export function clampToRange(range: SeenRange, value: number): number {
  const width = widthOf(range)
  if (width === 0) return value
  return Math.min(highOf(range) + width, Math.max(lowOf(range) - width, value))
}

export function widenRange(range: SeenRange, value: number): void {
  if (range.count === BLOCK) {
    range.lowBefore = range.low
    range.highBefore = range.high
    range.low = range.high = value
    range.count = 0
  }
  range.low = Math.min(range.low, value)
  range.high = Math.max(range.high, value)
  range.count++
  range.seen++
}

function lowOf(range: SeenRange): number {
  return Math.min(range.low, range.lowBefore)
}

function highOf(range: SeenRange): number {
  return Math.max(range.high, range.highBefore)
}
