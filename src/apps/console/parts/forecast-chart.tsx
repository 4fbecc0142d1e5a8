/**
 * A pool's requests per second: what was, what is expected, the band between the lines, and what its servers carry; below it, where the
 * pool is scaled, how many servers were wanted and how many there were, on the same axis of time.
 *
 * @module
 */
import { useMemo, useState } from 'preact/hooks'
import type { ForecastCurve, ScalingView } from '../api/views.ts'
import { forecastColumns, serverColumns } from '../forecast-series.ts'
import { formatCount, formatDuration, formatRate } from '../format.ts'
import { niceCeiling } from '../traffic-series.ts'
import { ChartFigure } from './chart-figure.tsx'
import { Segments } from './segments.tsx'

const LINES = [
  { name: 'actual', color: '--line-1' },
  { name: 'expected', color: '--line-2' },
  { name: 'P5', color: '--line-4' },
  { name: 'P95', color: '--line-4' },
]
const WITH_CAPACITY = [...LINES, { name: 'capacity', color: '--line-3' }]
const SERVERS = [
  { name: 'wanted', color: '--line-2' },
  { name: 'up', color: '--line-1' },
]
const BAND = { high: 3, low: 2 }
/** Three hours of minutes, and a day of them: as much as there is. */
const PAST_STEPS = [180, 1440]
/** An axis never ends below this, so that a quiet pool looks quiet. */
const LEAST_CEILING = 4

export function ForecastChart(props: {
  readonly curve: ForecastCurve
  readonly counts?: ScalingView['counts'] | undefined
}) {
  const { curve, counts } = props
  const [pastSteps, setPastSteps] = useState(PAST_STEPS[0] ?? 0)
  const { columns, nowIndex } = useMemo(() => forecastColumns(curve, pastSteps), [curve, pastSteps])
  const stepMs = curve.stepS * 1000
  const spanMs = (pastSteps + curve.expected.length) * stepMs
  const isKnown = curve.capacity.requestsPerSecond !== null
  return (
    <>
      <div class="bar">
        <p class="quiet live">
          Models{' '}
          {curve.fittedAfter === 0
            ? 'not fitted yet'
            : `fitted after ${formatCount(curve.fittedAfter)} steps`}
          , a step is {formatDuration(stepMs)}
        </p>
        <Segments<number>
          legend="Past shown"
          name="past"
          segments={PAST_STEPS.map((steps) => ({
            value: steps,
            label: formatDuration(steps * stepMs),
          }))}
          chosen={pastSteps}
          onChoose={(chosen) => setPastSteps(chosen)}
        />
      </div>
      <ChartFigure
        // A chart is made with its lines.
        key={String(isKnown)}
        id="forecast"
        title="Requests per second, and the next hour"
        lines={isKnown ? WITH_CAPACITY : LINES}
        columns={columns}
        band={BAND}
        nowIndex={nowIndex}
        spans={curve.events.map(({ startAt, endAt }) => ({
          fromS: startAt / 1000,
          toS: endAt / 1000,
        }))}
        spanMs={spanMs}
        ceilingOf={(most) => niceCeiling(most, LEAST_CEILING)}
        formatValue={formatRate}
        formatAxis={formatCount}
      />
      {counts !== undefined && (
        <ChartFigure
          id="servers"
          title="Servers wanted and up"
          lines={SERVERS}
          columns={serverColumns(counts, columns[0], nowIndex)}
          nowIndex={nowIndex}
          spanMs={spanMs}
          ceilingOf={(most) => niceCeiling(most, LEAST_CEILING)}
          formatValue={formatCount}
          formatAxis={formatCount}
        />
      )}
    </>
  )
}
