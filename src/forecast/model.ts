/**
 * What every model of one series can do. A series stands on a regular grid, oldest value first; `NaN` is a value nobody
 * knows, which is not zero. A state is plain data (numbers, strings, arrays of them, typed arrays), so that whoever holds
 * it can store it and go on after a restart.
 *
 * @module
 */

export interface SeriesFrame {
  /** Seconds from one value to the next. */
  readonly stepS: number
  /** When the first value of the history was, seconds since the epoch, UTC. */
  readonly startS: number
  /** Lengths of known cycles in steps, shortest first: `[1440, 10080]` for minutes with days and weeks. May be empty. */
  readonly seasons: readonly number[]
}

export interface ForecastModel<State> {
  /** As `forecast show` prints it. */
  readonly name: string
  /** Learns from the whole history: milliseconds to a second, in a worker. Any history does: empty, constant, all unknown. */
  fit(history: Float64Array, frame: SeriesFrame): State
  /** Takes in the next value, `NaN` when unknown: microseconds. Changes the state. */
  update(state: State, value: number): void
  /** A state that was just fitted takes over what the one before it learned about itself while it ran. Both know the same values. */
  inherit?(state: State, before: State): void
  /** @returns the next `steps` values as they are expected now, finite all of them */
  forecast(state: State, steps: number): Float64Array
}
