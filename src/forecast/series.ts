/**
 * Arrivals as they come, on a regular grid: one value per step, `NaN` where nothing arrived, for unknown is not zero (who
 * counts says 0 when there was nothing). Plain data: it survives a restart as it is.
 *
 * Time is what the arrivals say. A step is over when something arrives in a later one, or {@link closeSteps} says so.
 *
 * @module
 */

export interface SeriesOptions {
  readonly stepS: number
  /** What a step's value is of all that arrived in it: their sum, or their mean. */
  readonly of: 'sum' | 'mean'
  /** Steps remembered: 4 bytes each. */
  readonly historySteps: number
}

export interface Series extends SeriesOptions {
  /**
   * The last steps that are over, a ring; the oldest at `total % historySteps` once it is full. Whole counts are exact up to
   * 2^24, others to seven digits.
   */
  readonly ring: Float32Array
  /** Steps ever over. */
  total: number
  /** When the open step began, seconds since the epoch; NaN before the first arrival. */
  openS: number
  sum: number
  count: number
  /** Arrivals refused in a row because of their time. */
  refused: number
}

/**
 * What became of an arrival. `late`: its step is over, it is dropped. `ahead`: too far in the future to be believed, dropped.
 * `invalid`: value or time is no finite number, or the value is negative or beyond {@link VALUE_MAX}; dropped.
 */
export type Arrival = 'added' | 'late' | 'ahead' | 'invalid'

/** Beyond it sums lose their units; no count of requests gets there. */
export const VALUE_MAX = 1e12
/** Further ahead than {@link aheadMaxS} is a clock gone wrong rather than a pause: a day, in seconds, or so many steps. */
export const AHEAD_MAX_S = 86_400
const AHEAD_MAX_STEPS = 10
/** So many refused in a row, and it is our time that is wrong. */
export const REFUSED_MAX = 100

export function aheadMaxS(stepS: number): number {
  return Math.max(AHEAD_MAX_S, AHEAD_MAX_STEPS * stepS)
}

export function openSeries(options: SeriesOptions): Series {
  if (!(options.stepS > 0 && options.stepS < Number.POSITIVE_INFINITY)) {
    throw new RangeError('stepS must be positive')
  }
  if (!(Number.isInteger(options.historySteps) && options.historySteps > 0)) {
    throw new RangeError('historySteps must be a positive integer')
  }
  const ring = new Float32Array(options.historySteps)
  return { ...options, ring, total: 0, openS: Number.NaN, sum: 0, count: 0, refused: 0 }
}

/**
 * Adds an arrival. The same time twice is two arrivals; order within a step does not matter. When the clock jumped back, what
 * arrives is late until {@link REFUSED_MAX} were refused; then the grid moves back with it and what is remembered stays, in its
 * order. When it jumped ahead for good, the steps between are unknown.
 *
 * @param onStep called with the value of each step that is over by this, oldest first
 */
export function addArrival(
  series: Series,
  atS: number,
  value: number,
  onStep: (value: number) => void,
): Arrival {
  if (!Number.isFinite(atS) || !(value >= 0 && value <= VALUE_MAX)) return 'invalid'
  const stepS = Math.floor(atS / series.stepS) * series.stepS
  if (Number.isNaN(series.openS)) series.openS = stepS
  const late = stepS < series.openS
  if (late || stepS > series.openS + aheadMaxS(series.stepS)) {
    if (++series.refused <= REFUSED_MAX) return late ? 'late' : 'ahead'
    if (late) {
      closeOne(series, onStep)
      series.openS = stepS
    }
  }
  series.refused = 0
  closeUntil(series, stepS, onStep)
  series.sum += value
  series.count++
  return 'added'
}

/** Closes the steps that are over at `nowS`, though nothing arrived; none when the clock is further ahead than {@link aheadMaxS}. */
export function closeSteps(series: Series, nowS: number, onStep: (value: number) => void): void {
  if (Number.isFinite(nowS) && nowS <= series.openS + aheadMaxS(series.stepS)) {
    closeUntil(series, Math.floor(nowS / series.stepS) * series.stepS, onStep)
  }
}

/** After a gap longer than the history, only the history's length of it is told. */
function closeUntil(series: Series, stepS: number, onStep: (value: number) => void): void {
  const steps = Math.round((stepS - series.openS) / series.stepS)
  for (let i = 0; i < Math.min(steps, series.historySteps); i++) closeOne(series, onStep)
  if (steps > 0) series.openS = stepS
}

function closeOne(series: Series, onStep: (value: number) => void): void {
  const { sum, count, ring } = series
  const value = count === 0 ? Number.NaN : series.of === 'sum' ? sum : sum / count
  ring[series.total % ring.length] = value
  series.total++
  series.openS += series.stepS
  series.sum = 0
  series.count = 0
  onStep(value)
}

/** The steps that are over and remembered, oldest first. */
export function historyOf({ ring, total }: Series): Float64Array {
  const length = Math.min(total, ring.length)
  return Float64Array.from({ length }, (_, i) => ring[(total - length + i) % ring.length] ?? 0)
}

/** When the first of {@link historyOf} was, seconds since the epoch; 0 before the first arrival. */
export function historyStartS({ ring, total, openS, stepS }: Series): number {
  return Number.isNaN(openS) ? 0 : openS - Math.min(total, ring.length) * stepS
}
