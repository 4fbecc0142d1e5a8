/**
 * Shares that drills have found bad, and what became of them.
 *
 * @module
 */
import type { CustodyView } from '../api/views.ts'
import { nameOf, toneOf } from '../bad-shares.ts'
import { formatMoment } from '../format.ts'
import { TableFrame } from './table-frame.tsx'

/** The last ones; the API has more. */
const EVENTS_SHOWN = 20

export function ShareEvents({ events }: Pick<CustodyView, 'events'>) {
  if (events.length === 0) return <p class="quiet">No bad share since Limen started.</p>
  return (
    <TableFrame label="What drills have found">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Node</th>
          <th scope="col">Share of</th>
          <th scope="col">Found</th>
        </tr>
      </thead>
      <tbody>
        {events.slice(0, EVENTS_SHOWN).map(({ at, keyId, name, node, fault }) => (
          <tr key={`${at} ${keyId} ${node} ${fault}`}>
            <td class="time">{formatMoment(at)}</td>
            <th scope="row">{node}</th>
            <td>{nameOf({ name, id: keyId })}</td>
            <td>
              <span class={`badge badge-${toneOf(fault ?? 'good')}`}>{fault ?? 'good again'}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}
