/**
 * Session keys over time: keys agreed on, by why, and what checks at the edge came to.
 *
 * @module
 */
import { useMemo } from 'preact/hooks'
import type { TrafficPoint } from '../api/views.ts'
import { formatCount, formatRate } from '../format.ts'
import { columnsOf, lastMinuteOf, niceCeiling } from '../traffic-series.ts'
import { ChartFigure } from './chart-figure.tsx'

const KEY_LINES = [
  { name: 'opened', reason: 'opened', color: '--line-4' },
  { name: 'time', reason: 'time', color: '--line-1' },
  { name: 'suspicion', reason: 'security', color: '--line-3' },
  { name: 'client', reason: 'client', color: '--line-2' },
] as const
const CHECK_LINES = [
  { name: 'passed', color: '--line-1', filled: true },
  { name: 'refused', color: '--line-3' },
] as const
/** An axis never ends below this, so that a quiet edge looks quiet. */
const LEAST_CEILING = 4

interface ChartsProps {
  readonly points: readonly TrafficPoint[]
  readonly spanMs: number
}

/** @param props.withKeys the key server is here */
export function SessionCharts(props: ChartsProps & { readonly withKeys: boolean }) {
  return (
    <div class="charts">
      {props.withKeys && <KeyChart {...props} />}
      <CheckChart {...props} />
    </div>
  )
}

function KeyChart({ points, spanMs }: ChartsProps) {
  const columns = useMemo(() => {
    const lines = KEY_LINES.map(({ reason }) =>
      lastMinuteOf(points, (point) => point.sessionKeys[reason] ?? 0),
    )
    return columnsOf(
      points,
      lines.map((line) => (point) => line.get(point.at) ?? 0),
    )
  }, [points])
  return (
    <ChartFigure
      id="session-keys"
      title="Keys agreed on per minute"
      lines={KEY_LINES}
      columns={columns}
      spanMs={spanMs}
      ceilingOf={ceilingOf}
      formatValue={formatCount}
      formatAxis={formatCount}
    />
  )
}

function CheckChart({ points, spanMs }: ChartsProps) {
  const columns = useMemo(
    () =>
      columnsOf(points, [
        (point) => point.sessionChecks.passed,
        (point) => point.sessionChecks.refused,
      ]),
    [points],
  )
  return (
    <ChartFigure
      id="session-checks"
      title="Checks per second"
      lines={CHECK_LINES}
      columns={columns}
      spanMs={spanMs}
      ceilingOf={ceilingOf}
      formatValue={formatRate}
      formatAxis={formatCount}
    />
  )
}

function ceilingOf(most: number): number {
  return niceCeiling(most, LEAST_CEILING)
}
