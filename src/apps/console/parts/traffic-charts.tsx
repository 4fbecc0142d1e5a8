/**
 * The four charts of the overview, over one span of time.
 *
 * @module
 */
import { useMemo } from 'preact/hooks'
import type { TrafficPoint } from '../api/views.ts'
import { formatCount, formatMs, formatRate, text } from '../format.ts'
import { columnsOf, latencyOf, niceCeiling } from '../traffic-series.ts'
import type { ChartLine } from './chart.tsx'
import { ChartFigure } from './chart-figure.tsx'

type Pick = (point: TrafficPoint) => number | null

interface ChartPlan {
  readonly id: string
  readonly title: string
  readonly lines: readonly (ChartLine & { readonly pick: Pick })[]
  /** An axis never ends below this, so that a quiet edge looks quiet. */
  readonly leastCeiling: number
  formatValue(value: number): string
  formatAxis(value: number): string
}

const PLANS: readonly ChartPlan[] = [
  {
    id: 'requests',
    title: 'Requests per second',
    leastCeiling: 4,
    formatValue: formatRate,
    formatAxis: formatRound,
    lines: [
      { name: 'all', color: '--line-1', filled: true, pick: (point) => point.requestsPerSecond },
      { name: '4xx', color: '--line-2', pick: (point) => point.responses[4] ?? 0 },
      { name: '5xx', color: '--line-3', pick: (point) => point.responses[5] ?? 0 },
    ],
  },
  {
    id: 'latency',
    title: 'Time to response',
    leastCeiling: 1,
    formatValue: (value) => text(formatMs(value)),
    formatAxis: (value) => (value < 1 ? `${formatRound(value)} ms` : text(formatMs(value))),
    lines: [
      { name: 'p50', color: '--line-1', pick: (point) => latencyOf(point, point.p50) },
      { name: 'p90', color: '--line-2', pick: (point) => latencyOf(point, point.p90) },
      { name: 'p99', color: '--line-3', pick: (point) => latencyOf(point, point.p99) },
    ],
  },
  {
    id: 'connections',
    title: 'Open connections',
    leastCeiling: 4,
    formatValue: formatCount,
    formatAxis: formatRound,
    lines: [
      { name: 'open', color: '--line-1', filled: true, pick: (point) => point.connectionsOpen },
    ],
  },
  {
    id: 'handshakes',
    title: 'Handshakes per second',
    leastCeiling: 4,
    formatValue: formatRate,
    formatAxis: formatRound,
    lines: [
      {
        name: 'done',
        color: '--line-1',
        filled: true,
        pick: (point) => point.handshakesPerSecond,
      },
      { name: 'tier 2', color: '--line-2', pick: (point) => point.tiers[2] ?? 0 },
      { name: 'tier 3', color: '--line-3', pick: (point) => point.tiers[3] ?? 0 },
    ],
  },
]

export function TrafficCharts(props: {
  readonly points: readonly TrafficPoint[]
  readonly spanMs: number
}) {
  return (
    <div class="charts">
      {PLANS.map((plan) => (
        <PlannedChart key={plan.id} plan={plan} {...props} />
      ))}
    </div>
  )
}

function PlannedChart(props: {
  readonly plan: ChartPlan
  readonly points: readonly TrafficPoint[]
  readonly spanMs: number
}) {
  const { plan, points, spanMs } = props
  const columns = useMemo(
    () =>
      columnsOf(
        points,
        plan.lines.map((line) => line.pick),
      ),
    [points, plan],
  )
  return (
    <ChartFigure
      id={plan.id}
      title={plan.title}
      lines={plan.lines}
      columns={columns}
      spanMs={spanMs}
      ceilingOf={(max) => niceCeiling(max, plan.leastCeiling)}
      formatValue={plan.formatValue}
      formatAxis={plan.formatAxis}
    />
  )
}

/** 0, 0.5, 2, 4,000: the ends and middles of axes are round already. */
function formatRound(value: number): string {
  return value < 10 ? String(Number(value.toPrecision(2))) : formatCount(value)
}
