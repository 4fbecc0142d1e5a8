/**
 * Requests that were captured in tier 3, the newest first. To open one is written down by the server.
 *
 * @module
 */
import type { BehaviorHealth, CaptureSummary } from '../api/people.ts'
import { usePoll } from '../api/poll.ts'
import { formatBytes, formatCount, formatMoment, NONE, plural, text } from '../format.ts'
import { hashOf } from '../route.ts'
import { useSession } from '../session.tsx'
import { Pending } from './notice.tsx'
import { TableFrame } from './table-frame.tsx'

/** The list is opened and unsealed for each answer. */
const EVERY_MS = 10_000
const SHOWN_MAX = 50

export function CaptureTable(props: {
  readonly captures: NonNullable<BehaviorHealth['captures']>
}) {
  const { kept, bytes, dropped } = props.captures
  const session = useSession()
  const path = `v1/captures?limit=${SHOWN_MAX}`
  const { value, failure } = usePoll<readonly CaptureSummary[]>(path, EVERY_MS, session.count)
  const lost = Object.values(dropped).reduce((sum, one) => sum + one, 0)
  return (
    <section>
      <h2>Captured requests</h2>
      <p class="quiet count">
        {plural(kept, 'request')} of tier 3 kept, {text(formatBytes(bytes))} sealed
        {lost > 0 && `, ${formatCount(lost)} had no room`}. Who opens one is in the audit log.
      </p>
      {value === undefined ? <Pending failure={failure} /> : <Rows captures={value} />}
    </section>
  )
}

function Rows(props: { readonly captures: readonly CaptureSummary[] }) {
  if (props.captures.length === 0) return null
  return (
    <TableFrame label="Captured requests">
      <thead>
        <tr>
          <th scope="col">Request</th>
          <th scope="col" class="number">
            Status
          </th>
          <th scope="col" class="number">
            Body
          </th>
          <th scope="col" class="wide-only">
            From
          </th>
          <th scope="col" class="wide-only">
            At
          </th>
        </tr>
      </thead>
      <tbody>
        {props.captures.map((one) => (
          <tr class="linked" key={one.id}>
            <td class="client">
              <a class="row-link" href={hashOf('people', one.id)}>
                {one.method} {one.path}
              </a>
              <code class="second-line">{one.host}</code>
            </td>
            <td class="number">{one.status === 0 ? NONE : one.status}</td>
            <td class="number">{one.bodyBytes === 0 ? NONE : text(formatBytes(one.bodyBytes))}</td>
            <td class="wide-only">
              <code>{one.client.address}</code>
              <span class="second-line">session {one.session}</span>
            </td>
            <td class="time wide-only">{formatMoment(one.at)}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}
