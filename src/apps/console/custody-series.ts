/**
 * The use of keys by one operation, as it was and as it is expected, as columns of one chart. Pure: the page feeds it, the chart reads it.
 *
 * @module
 */
import type { CustodyOperation } from './api/views.ts'
import type { Column } from './traffic-series.ts'

export interface CustodyColumns {
  /** Seconds since the epoch, the end of each minute; then used and expected. */
  readonly columns: [number[], Column, Column]
  /** The last minute that is over; -1: none is. */
  readonly nowIndex: number
}

const MINUTE_S = 60

/** @param countedAt when the last minute of the past ended, ms */
export function custodyColumns(
  { history, expected }: CustodyOperation,
  countedAt: number,
): CustodyColumns {
  const past = history.length
  const times = Array.from(
    { length: past + expected.length },
    (_, i) => countedAt / 1000 + (i + 1 - past) * MINUTE_S,
  )
  const before: Column = new Array(past).fill(null)
  const after: Column = new Array(expected.length).fill(null)
  return {
    columns: [times, [...history, ...after], [...before, ...expected]],
    nowIndex: past - 1,
  }
}
