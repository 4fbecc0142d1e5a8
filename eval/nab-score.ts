/**
 * The rules of the Numenta Anomaly Benchmark: what a set of alarms is worth (Lavin and Ahmad, "Evaluating real-time anomaly
 * detection algorithms", 2015, and the code of numenta/NAB, nab/sweeper.py). Alarms in a window of labelled trouble earn
 * the more the earlier the first one is; alarms elsewhere cost, less if shortly after a window; windows without one cost.
 * Where the threshold of an alarm comes from is not asked here.
 *
 * @module
 */

export interface NabProfile {
  /** What the first row of a window earns. */
  readonly tpWeight: number
  /** What an alarm outside of windows costs. */
  readonly fpWeight: number
  /** What a window without an alarm costs. */
  readonly fnWeight: number
}

export interface NabAlarms {
  /** One per row: was there an alarm? */
  readonly alarms: readonly boolean[]
  /** First and last row of each window, in order. */
  readonly windows: readonly NabWindow[]
}

export interface NabWindow {
  readonly first: number
  readonly last: number
}

/** @returns 0 for a detector that never says anything, 100 for the perfect one; NaN when there are no windows at all */
export function nabScore(files: readonly NabAlarms[], profile: NabProfile): number {
  let got = 0
  let silent = 0
  let perfect = 0
  for (const file of files) {
    got += rawScore(file, profile)
    silent += rawScore({ ...file, alarms: file.alarms.map(() => false) }, profile)
    perfect += file.windows.length * profile.tpWeight
  }
  return (100 * (got - silent)) / (perfect - silent)
}

/** The score of one file before it is put between 0 and 100. Rows on probation do not count. */
export function rawScore({ alarms, windows }: NabAlarms, profile: NabProfile): number {
  const probation = probationRows(alarms.length)
  let score = 0
  for (const window of windows) {
    const from = Math.max(window.first, probation)
    // A window that lies wholly in the probation is not asked for.
    if (from > window.last) continue
    const row = alarms.indexOf(true, from)
    const hit = row >= 0 && row <= window.last
    score += hit ? profile.tpWeight * earnedInWindow(row, window) : -profile.fnWeight
  }
  for (let row = probation; row < alarms.length; row++)
    if (alarms[row] && !windows.some((w) => row >= w.first && row <= w.last))
      score += profile.fpWeight * lostOutside(row, windows)
  return score
}

/** The first 15 % of a file, at most those of a file of 5000 rows: there a detector may learn in peace. */
export function probationRows(rows: number): number {
  return Math.min(Math.floor(0.15 * rows), 0.15 * 5000)
}

/** 1 at the first row of a window, next to 0 at its last. */
export function earnedInWindow(row: number, { first, last }: NabWindow): number {
  const position = -(last - row + 1) / (last - first + 1)
  return scaledSigmoid(position) / scaledSigmoid(-1)
}

/** Next to 0 right after a window, -1 far from the last one or before the first. */
export function lostOutside(row: number, windows: readonly NabWindow[]): number {
  const before = windows.findLast((w) => w.last < row)
  return before === undefined
    ? -1
    : scaledSigmoid((row - before.last) / (before.last - before.first))
}

/** 0.98661 one window's width before its end, 0 at its end, -1 far after it. */
export function scaledSigmoid(position: number): number {
  return position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1
}
