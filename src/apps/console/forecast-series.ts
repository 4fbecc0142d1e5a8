/**
 * The past and the next steps of a pool as columns of charts. Pure: the page feeds it, the chart reads it.
 *
 * @module
 */
import type { ForecastCurve, ScalingView } from './api/views.ts'
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

/**
 * Servers wanted and up at the end of each step; null before the first count, and where it is not past.
 *
 * @param times seconds since the epoch, in order; those of {@link forecastColumns}
 * @param nowIndex the last step that is over
 */
export function serverColumns(
  counts: ScalingView['counts'],
  times: readonly number[],
  nowIndex: number,
): [number[], ...Column[]] {
  const wanted: Column = []
  const up: Column = []
  let next = 0
  for (const [index, time] of times.entries()) {
    while ((counts[next]?.at ?? Number.POSITIVE_INFINITY) <= time * 1000) next++
    const count = index > nowIndex ? undefined : counts[next - 1]
    wanted.push(count?.wanted ?? null)
    up.push(count?.up ?? null)
  }
  return [[...times], wanted, up]
}
