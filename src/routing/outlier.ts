/**
 * Outlier ejection: a server whose live requests fail is left alone for a while, longer each time.
 * Passive; active health checks are another matter.
 *
 * @module
 */

export interface OutlierOptions {
  readonly consecutiveFailures: number
  readonly ejectMs: number
  /** At most this share of a pool is ejected at once, 0 to 1; one server may always be. */
  readonly ejectShareMax: number
}

/** What is known of one server. Changed in place: it is on the path of every request. */
export interface OutlierState {
  failuresInRow: number
  /** Times ejected in a row; a success in service starts it over. */
  ejections: number
  /** Until when the server is ejected, ms; 0 when it is not. */
  ejectedUntil: number
}

/** An ejection lasts at most this many times `ejectMs`. */
const EJECT_GROWTH_MAX = 10

export function noOutlier(): OutlierState {
  return { failuresInRow: 0, ejections: 0, ejectedUntil: 0 }
}

export function succeeded(state: OutlierState): void {
  state.failuresInRow = 0
  if (state.ejections > 0) state.ejections = 0
}

/** Counts a failure; true when the server is to be ejected now. `ejected` and `servers` describe its pool. */
export function failed(
  state: OutlierState,
  options: OutlierOptions,
  pool: { readonly ejected: number; readonly servers: number },
  now: number,
): boolean {
  state.failuresInRow++
  if (state.failuresInRow < options.consecutiveFailures || state.ejectedUntil > now) return false
  const most = Math.max(1, Math.floor(pool.servers * options.ejectShareMax))
  // The last server standing is never ejected: a doubtful answer beats none.
  if (pool.ejected >= most || pool.ejected + 1 >= pool.servers) return false
  state.ejections++
  state.ejectedUntil = now + options.ejectMs * Math.min(state.ejections, EJECT_GROWTH_MAX)
  state.failuresInRow = 0
  return true
}
