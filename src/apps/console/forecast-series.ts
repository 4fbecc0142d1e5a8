/**
 * The past and the next steps of a pool as columns of one chart. Pure: the page feeds it, the chart reads it.
 *
 * @module
 */
import type { ForecastCurve } from './api/views.ts'
import type { Column } from './traffic-series.ts'

export interface ForecastColumns {
  /** Seconds since the epoch, the end of each step; then actual, expected, low, high, and the capacity where it is known. */
  readonly columns: [number[], ...Column[]]
  /** The last step that is over. */
  readonly nowIndex: number
}

/** @param pastSteps so many of the last steps that are over, and all to come */
export function forecastColumns(curve: ForecastCurve, pastSteps: number): ForecastColumns {
  const { at, stepS, expected, low, high, capacity } = curve
  const history = curve.history.slice(-pastSteps)
  const past = history.length
  const endOf = (index: number): number => at / 1000 + (index + 1 - past) * stepS
  const times = Array.from({ length: past + expected.length }, (_, index) => endOf(index))
  const before: Column = new Array(past).fill(null)
  const after: Column = new Array(expected.length).fill(null)
  const lines: Column[] = [expected, low, high].map((line) => [...before, ...line])
  const { requestsPerSecond } = capacity
  if (requestsPerSecond !== null) lines.push(times.map(() => requestsPerSecond))
  return { columns: [times, [...history, ...after], ...lines], nowIndex: past - 1 }
}
