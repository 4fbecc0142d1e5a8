/**
 * A chart with its name, its current values, and the same figures as a table for who cannot see it.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import { formatClock, NONE } from '../format.ts'
import type { Column } from '../traffic-series.ts'
import { Chart, type ChartLine, type ChartProps } from './chart.tsx'

/** Rows of the table: the span cut into so many steps. */
const TABLE_ROWS = 12

export interface ChartFigureProps {
  readonly id: string
  readonly title: string
  readonly lines: readonly ChartLine[]
  readonly columns: readonly [number[], ...Column[]]
  readonly band?: NonNullable<ChartProps['band']>
  readonly spans?: NonNullable<ChartProps['spans']>
  /** Which point is now; the last one without it. */
  readonly nowIndex?: number
  readonly spanMs: number
  ceilingOf(max: number): number
  formatValue(value: number): string
  /** Round numbers beside the axis, shorter than a value. */
  formatAxis(value: number): string
}

export function ChartFigure(props: ChartFigureProps) {
  const [pointed, setPointed] = useState<number | undefined>(undefined)
  const [times, ...lines] = props.columns
  const now = props.nowIndex ?? times.length - 1
  const at = pointed ?? now
  const show = (value: number | null | undefined): string =>
    value === null || value === undefined ? NONE : props.formatValue(value)
  const summary = props.lines
    .map((line, index) => `${line.name} ${show(lines[index]?.[now])}`)
    .join(', ')
  return (
    <figure class="chart-figure" aria-labelledby={`${props.id}-title`}>
      <figcaption>
        <h2 id={`${props.id}-title`}>{props.title}</h2>
        <ul class="legend">
          {props.lines.map((line, index) => (
            <li key={line.name}>
              <span class={`swatch swatch${line.color}`} aria-hidden="true" />
              {line.name} <span class="number">{show(lines[index]?.[at])}</span>
            </li>
          ))}
        </ul>
      </figcaption>
      <div role="img" aria-label={`${props.title}, now: ${summary}`}>
        <Chart {...props} onPoint={setPointed} />
      </div>
      <details class="chart-table">
        <summary>
          As a table<span class="hidden">: {props.title}</span>
        </summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {props.lines.map((line) => (
                <th scope="col" class="number" key={line.name}>
                  {line.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {tableRows(times.length).map((row) => (
              <tr key={times[row]}>
                <th scope="row">{formatClock((times[row] ?? 0) * 1000)}</th>
                {lines.map((line, index) => (
                  <td class="number" key={props.lines[index]?.name}>
                    {show(line[row])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}

/** Evenly spread indexes, the newest first. */
function tableRows(length: number): readonly number[] {
  const step = Math.max(1, Math.floor(length / TABLE_ROWS))
  const rows: number[] = []
  for (let row = length - 1; row >= 0 && rows.length < TABLE_ROWS; row -= step) rows.push(row)
  return rows
}
