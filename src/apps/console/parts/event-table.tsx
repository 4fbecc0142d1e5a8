/**
 * The announced events of a pool, and what those of their kind did to its load before.
 *
 * @module
 */
import type { ForecastEvent } from '../api/views.ts'
import { formatMoment } from '../format.ts'
import { TableFrame } from './table-frame.tsx'

export function EventTable({ events }: { readonly events: readonly ForecastEvent[] }) {
  return (
    <TableFrame label="Announced events">
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">From</th>
          <th scope="col">To</th>
          <th scope="col">Effect on the load</th>
        </tr>
      </thead>
      <tbody>
        {events.map(({ kind, startAt, endAt, factor, learnedFrom }) => (
          <tr key={`${kind} ${startAt}`}>
            <th scope="row">{kind}</th>
            <td>{formatMoment(startAt)}</td>
            <td>{formatMoment(endAt)}</td>
            <td>
              {learnedFrom === 0
                ? 'none seen yet'
                : `× ${factor.toFixed(2)}, learned from ${learnedFrom}`}
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}
