/**
 * Intervals around forecasts that hold what they promise: adaptive conformal inference (Gibbs and Candes, 2021). The errors of
 * the last steps are kept in order; the line at level 0.95 is their quantile at a rank that rises after each miss and falls
 * after each hit, so that in the long run 95 % of values lie below: as long as a line can be drawn where that takes, after T values the
 * share is off by at most (1 + {@link RATE}) / ({@link RATE} T), and some more while outcomes are not known yet. A rank past the end
 * is a debt of misses: until it is paid off the line is drawn by the greatest error that is kept, not beyond it.
 *
 * Errors are taken in logarithms and divided by {@link spreadAt}, so that those of quiet and of busy hours compare.
 *
 * @module
 */

export interface IntervalState {
  /** The last errors, a ring, and the same in ascending order. */
  readonly ring: Float32Array
  readonly sorted: Float32Array
  /** Errors ever seen. */
  seen: number
  readonly levels: readonly number[]
  /** Per level the rank that yields it just now. */
  readonly ranks: number[]
}

/** Errors kept: a day of minutes. */
export const ERRORS_KEPT = 1440
/** What one miss or hit moves a rank by: the paper's choice. */
export const RATE = 0.005
/** Until errors were seen: a spread of this many {@link spreadAt} on either side. */
const FIRST_WIDTH = 3
/** Part of the spread that great counts keep too: 5 %, so that 400 counts vary as much by chance as by nature. */
const SPREAD_LEAST = 0.05
/** Values and lines that are the same but for rounding: errors are kept to seven digits. */
const ROUNDING = 1e-6

/** @param levels shares that shall lie at or below each line, ascending */
export function openInterval(levels: readonly number[]): IntervalState {
  return {
    ring: new Float32Array(ERRORS_KEPT),
    sorted: new Float32Array(ERRORS_KEPT),
    seen: 0,
    levels,
    ranks: [...levels],
  }
}

/** The standard deviation of log1p of a count around such a forecast: chance (Poisson), and what does not shrink with it. */
export function spreadAt(forecast: number): number {
  return Math.sqrt(1 / (1 + Math.max(0, forecast)) + SPREAD_LEAST ** 2)
}

/** How far from the forecast each level's line runs, in spreads: NaN never, ascending as the levels are. */
export function quantilesOf(state: IntervalState): readonly number[] {
  let least = Number.NEGATIVE_INFINITY
  return state.levels.map((level, i) => {
    least = Math.max(least, quantileAt(state, heldRank(state.ranks[i] ?? level, level), level))
    return least
  })
}

/** On its side of the middle; past the end it is a debt of misses, which hits pay off. What an earlier Limen kept may be elsewhere. */
function heldRank(rank: number, level: number): number {
  if (level > 0.5) return Math.max(0.5, rank)
  return level < 0.5 ? Math.min(0.5, rank) : rank
}

function quantileAt({ sorted, seen }: IntervalState, rank: number, level: number): number {
  const count = Math.min(seen, sorted.length)
  if (count === 0) return level < 0.5 ? -FIRST_WIDTH : FIRST_WIDTH
  const at = rank * (count + 1) - 1
  const below = Math.min(count - 1, Math.max(0, Math.floor(at)))
  const low = sorted[below] ?? 0
  const high = sorted[Math.min(count - 1, below + 1)] ?? low
  return low + Math.min(1, Math.max(0, at - below)) * (high - low)
}

/** The value at that many spreads from a forecast, 0 at least. */
export function lineAt(forecast: number, quantile: number): number {
  return Math.max(0, Math.expm1(Math.log1p(forecast) + quantile * spreadAt(forecast)))
}

/** Whether a value is at or below a line. */
export function isBelow(value: number, line: number): boolean {
  return value <= line * (1 + ROUNDING)
}

/**
 * Learns what became of a forecast.
 *
 * @param lines as they were drawn when it was made, one per level
 * @param counted what the value counts as when it comes to how far it was off
 */
export function learnError(
  state: IntervalState,
  forecast: number,
  lines: readonly number[],
  actual: number,
  counted = actual,
): void {
  state.levels.forEach((level, i) => {
    const hit = isBelow(actual, lines[i] ?? 0) ? 1 : 0
    state.ranks[i] = heldRank(
      heldRank(state.ranks[i] ?? level, level) + RATE * (level - hit),
      level,
    )
  })
  keep(state, Math.fround((Math.log1p(counted) - Math.log1p(forecast)) / spreadAt(forecast)))
}

function keep(state: IntervalState, error: number): void {
  const { ring, sorted } = state
  const slot = state.seen % ring.length
  let count = Math.min(state.seen, ring.length)
  if (count === ring.length) {
    const gone = placeOf(sorted, count, ring[slot] ?? 0)
    sorted.copyWithin(gone, gone + 1, count)
    count--
  }
  const place = placeOf(sorted, count, error)
  sorted.copyWithin(place + 1, place, count)
  sorted[place] = error
  ring[slot] = error
  state.seen++
}

/** Where the first of `count` sorted numbers not below `value` is. */
function placeOf(sorted: Float32Array, count: number, value: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}
