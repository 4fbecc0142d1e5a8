/**
 * What is expected at each horizon, who says so and why.
 *
 * @module
 */
import type { HorizonForecast } from '../api/views.ts'
import { formatDuration, formatRate, formatShare, NONE, text } from '../format.ts'
import { TableFrame } from './table-frame.tsx'

export function ForecastTable(props: { readonly horizons: readonly HorizonForecast[] }) {
  return (
    <TableFrame label="Horizons">
      <thead>
        <tr>
          <th scope="col">Ahead</th>
          <th scope="col" class="number">
            Expected
          </th>
          <th scope="col" class="number">
            90 % between
          </th>
          <th scope="col" class="number">
            Error
          </th>
          <th scope="col">Who speaks</th>
          <th scope="col" class="wide-only">
            Why
          </th>
        </tr>
      </thead>
      <tbody>
        {props.horizons.map((one) => (
          <tr key={one.aheadS}>
            <th scope="row">{formatDuration(one.aheadS * 1000)}</th>
            <td class="number">{formatRate(one.expected)}</td>
            <td class="number">
              {formatRate(one.low)} – {formatRate(one.high)}
            </td>
            <td class="number">{one.error === null ? NONE : text(formatShare(one.error))}</td>
            <td>
              {one.model}
              {one.isDemoted && <span class="second-line">took over</span>}
            </td>
            <td class="wide-only sentence">{one.reason}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}
