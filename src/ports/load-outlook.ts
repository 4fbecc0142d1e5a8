/**
 * How busy this machine is and is about to be: what the rotation of session keys goes by (LSK/1 section 1.8). Fed by what is
 * measured, or by a forecast.
 *
 * @module
 */

/** Loads are shares of capacity: 1 is all of it, more is asked for than can be done. */
export interface LoadOutlook {
  readonly now: number
  /** The highest load in the minutes to come; the same as `now` where nobody looks ahead. */
  readonly ahead: number
  /** When that begins: seconds from when this was made. */
  readonly aheadS: number
  /** When this was made: milliseconds since 1970. */
  readonly at: number
}

export interface LoadSource {
  /** undefined while nobody can say. */
  outlook(): LoadOutlook | undefined
  /** Called when it has changed so much that it matters; returns the way to stop. */
  onChange(listener: () => void): () => void
}

/** What is older says nothing of now, in milliseconds. */
export const OUTLOOK_STALE_MS = 60_000

/** undefined for one that is too old. @param now milliseconds since 1970 */
export function freshOutlook(
  outlook: LoadOutlook | undefined,
  now: number,
): LoadOutlook | undefined {
  return outlook !== undefined && Math.abs(now - outlook.at) <= OUTLOOK_STALE_MS
    ? outlook
    : undefined
}
