/**
 * A stream against its baseline: scores over their limits, how far one feature is off, and all features as they are now.
 *
 * @module
 */
import { useMemo, useState } from 'preact/hooks'
import type { StreamHistory } from '../api/devices.ts'
import { deviationColumns, featureRows, scoreColumns } from '../device-series.ts'
import { formatScore, NONE } from '../format.ts'
import { niceCeiling } from '../traffic-series.ts'
import { ChartFigure } from './chart-figure.tsx'
import { TableFrame } from './table-frame.tsx'

const SPAN_MS = 600_000
/** Over a limit of 1 is the news. */
const SCORE_CEILING = 2
/** Spreads: what a baseline's own windows seldom reach. */
const DEVIATION_CEILING = 8
const SCORE_LINES = [
  { name: 'identity', color: '--line-3' },
  { name: 'picture', color: '--line-2' },
  { name: 'path', color: '--line-1' },
] as const

export function DeviceCharts(props: { readonly stream: StreamHistory }) {
  const { stream } = props
  const rows = featureRows(stream)
  const [chosen, setChosen] = useState('')
  const name = chosen === '' ? (rows[0]?.name ?? '') : chosen
  const feature = stream.features.find((one) => one.name === name)
  const scores = useMemo(() => scoreColumns(stream), [stream])
  const deviations = useMemo(
    () => (feature === undefined ? undefined : deviationColumns(stream, feature)),
    [stream, feature],
  )
  return (
    <>
      <p class="bar">
        <label>
          Feature in the chart{' '}
          <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
            <option value="">the one furthest off</option>
            {stream.features.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
      </p>
      <div class="charts">
        <ChartFigure
          id="device-scores"
          title="Scores; 1 is their limit"
          lines={SCORE_LINES}
          columns={scores}
          spanMs={SPAN_MS}
          ceilingOf={(most) => niceCeiling(most, SCORE_CEILING)}
          formatValue={formatScore}
          formatAxis={formatScore}
        />
        {deviations !== undefined && (
          <ChartFigure
            key={name}
            id="device-feature"
            title={`From the baseline, in spreads: ${name}`}
            lines={[{ name: 'deviation', color: '--line-1', filled: true }]}
            columns={deviations}
            spanMs={SPAN_MS}
            ceilingOf={(most) => niceCeiling(most, DEVIATION_CEILING)}
            formatValue={formatScore}
            formatAxis={formatScore}
          />
        )}
      </div>
      <h3>Features now</h3>
      <TableFrame label="Features now">
        <thead>
          <tr>
            <th scope="col">Feature of two seconds</th>
            <th scope="col" class="number">
              Now
            </th>
            <th scope="col" class="number">
              Baseline
            </th>
            <th scope="col" class="number">
              Off, in spreads
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              <td class="number">{figure(row.now)}</td>
              <td class="number">{figure(row.middle)}</td>
              <td class="number">{figure(row.deviation)}</td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </>
  )
}

function figure(value: number | null): string {
  return value === null ? NONE : formatScore(value)
}
