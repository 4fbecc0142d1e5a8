/**
 * A stream's scores and features as columns of charts and rows of a table. Pure: the page feeds it.
 *
 * @module
 */
import type { StreamFeature, StreamHistory } from './api/devices.ts'
import type { Column } from './traffic-series.ts'

export interface FeatureRow {
  readonly name: string
  readonly now: number | null
  readonly middle: number | null
  /** From the baseline's middle, in spreads; null: nothing to compare. */
  readonly deviation: number | null
}

/** Reports come every two seconds; further apart they are not joined by a line. */
const GAP_MS = 10_000

/** Seconds since the epoch, then a column of each group. */
export function scoreColumns({ at, scores }: StreamHistory): [number[], ...Column[]] {
  return withGaps(
    at,
    scores.map(({ values }) => values),
  )
}

/** How far one feature was off, in spreads. */
export function deviationColumns(
  { at }: StreamHistory,
  feature: StreamFeature,
): [number[], ...Column[]] {
  return withGaps(at, [feature.values.map((value) => deviationOf(feature, value))])
}

/** As it is now, the furthest off first. */
export function featureRows({ features }: StreamHistory): readonly FeatureRow[] {
  return features
    .map((feature) => {
      const now = feature.values.at(-1) ?? null
      const { name, middle } = feature
      return { name, now, middle, deviation: deviationOf(feature, now) }
    })
    .sort((a, b) => (b.deviation ?? -1) - (a.deviation ?? -1))
}

function deviationOf({ middle, spread }: StreamFeature, value: number | null): number | null {
  if (value === null || middle === null || spread <= 0) return null
  return Math.abs(value - middle) / spread
}

function withGaps(
  at: readonly number[],
  lines: readonly (readonly (number | null)[])[],
): [number[], ...Column[]] {
  const times: number[] = []
  const columns: Column[] = lines.map(() => [])
  for (const [i, ms] of at.entries()) {
    const before = at[i - 1]
    if (before !== undefined && ms - before > GAP_MS) {
      times.push((before + 1) / 1000)
      for (const column of columns) column.push(null)
    }
    times.push(ms / 1000)
    for (const [c, column] of columns.entries()) column.push(lines[c]?.[i] ?? null)
  }
  return [times, ...columns]
}
