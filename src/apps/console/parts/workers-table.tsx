/**
 * The edge's workers: one process or thread per core.
 *
 * @module
 */
import type { WorkerView } from '../../../ports/data-plane.ts'
import { formatBytes, formatCount, formatDuration, text } from '../format.ts'
import { StateBadge } from './state-badge.tsx'
import { TableFrame } from './table-frame.tsx'

export function WorkersTable(props: { readonly workers: readonly WorkerView[] }) {
  return (
    <>
      <h2>Workers</h2>
      <TableFrame label="Workers">
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Connections
            </th>
            <th scope="col" class="number">
              Memory
            </th>
            <th scope="col" class="number wide-only">
              Restarts
            </th>
            <th scope="col" class="number wide-only">
              Up
            </th>
          </tr>
        </thead>
        <tbody>
          {props.workers.map((worker) => (
            <tr key={worker.id}>
              <th scope="row">
                {worker.id} <span class="quiet wide-only">pid {worker.pid}</span>
              </th>
              <td>
                <StateBadge state={worker.state} />
              </td>
              <td class="number">{formatCount(worker.connections)}</td>
              <td class="number">{text(formatBytes(worker.rssBytes))}</td>
              <td class="number wide-only">{formatCount(worker.restarts)}</td>
              <td class="number wide-only">{formatDuration(Date.now() - worker.startedAt)}</td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </>
  )
}
