/**
 * Connections that are open now, each with who it seems to be.
 *
 * @module
 */
import type { ConnectionView } from '../../../ports/data-plane.ts'
import { usePoll } from '../api/poll.ts'
import type { StatusView } from '../api/views.ts'
import { formatBytes, formatCount, formatDuration, plural, text } from '../format.ts'
import { ClientCell } from '../parts/client-cell.tsx'
import { Notice, Pending } from '../parts/notice.tsx'
import { TableFrame } from '../parts/table-frame.tsx'
import { TierBadge } from '../parts/tier-badge.tsx'
import { hashOf } from '../route.ts'
import { useSession } from '../session.tsx'

const CONNECTIONS_MAX = 200
const EVERY_MS = 2000

export function ConnectionsPage() {
  const session = useSession()
  const { value, failure } = usePoll<readonly ConnectionView[]>(
    `v1/connections?limit=${CONNECTIONS_MAX}`,
    EVERY_MS,
    session.count,
  )
  if (value === undefined) return <Pending failure={failure} />
  if (value.length === 0) return <Nobody />
  const newestFirst = value.toSorted((one, other) => other.openedAt - one.openedAt)
  const count =
    value.length < CONNECTIONS_MAX
      ? `${plural(value.length, 'connection')} open`
      : `${CONNECTIONS_MAX} of the open connections`
  return (
    <>
      <p class="quiet count">{count}, every two seconds</p>
      <TableFrame label="Open connections">
        <thead>
          <tr>
            <th scope="col">Client</th>
            <th scope="col">Tier, score</th>
            <th scope="col" class="wide-only">
              From, to
            </th>
            <th scope="col" class="wide-only">
              Protocol
            </th>
            <th scope="col" class="wide-only">
              Reasons
            </th>
            <th scope="col" class="number wide-only">
              Requests
            </th>
            <th scope="col" class="number">
              Open for
            </th>
          </tr>
        </thead>
        <tbody>
          {newestFirst.map((connection) => (
            <ConnectionRow key={connection.id} connection={connection} />
          ))}
        </tbody>
      </TableFrame>
    </>
  )
}

function ConnectionRow(props: { readonly connection: ConnectionView }) {
  const { connection } = props
  return (
    <tr class="linked">
      <td class="client">
        <ClientCell
          handshake={connection.handshake}
          href={hashOf('connections', connection.decisionId)}
        />
      </td>
      <td>
        <TierBadge tier={connection.tier} score={connection.score} />
      </td>
      <td class="wide-only">
        <code>{connection.remote}</code>
        <span class="second-line">{connection.handshake?.sni || connection.listener}</span>
      </td>
      <td class="wide-only">
        {connection.protocol === 'tls' ? 'no request' : connection.protocol}
        <span class="second-line">
          {connection.tlsVersion === ''
            ? 'no TLS'
            : `${connection.tlsVersion.replace('v', ' ')}${connection.resumed ? ', resumed' : ''}`}
        </span>
      </td>
      <td class="wide-only sentence">
        <Reasons reasons={connection.reasons} />
      </td>
      <td class="number wide-only">
        {formatCount(connection.requests)}
        <span class="second-line">{text(formatBytes(connection.bytesOut))} out</span>
      </td>
      <td class="number">{formatDuration(Date.now() - connection.openedAt)}</td>
    </tr>
  )
}

function Nobody() {
  const session = useSession()
  const { value } = usePoll<StatusView>('v1/status', 10 * EVERY_MS, session.count)
  return (
    <Notice title="Nobody is connected">
      <p>Connections appear here while they are open.</p>
      {value?.listeners.map(({ name, url }) => (
        <p key={name}>
          <a href={url} target="_blank" rel="noreferrer">
            {url}
          </a>
        </p>
      ))}
    </Notice>
  )
}

/** The first in words, cut after two lines; the panel has them all. */
function Reasons(props: { readonly reasons: readonly string[] }) {
  const [first, ...others] = props.reasons
  if (first === undefined) return <span class="quiet">ordinary</span>
  return (
    <span class="two-lines">
      {first}
      {others.length > 0 && (
        <span class="quiet">, and {plural(others.length, 'more', 'more')}</span>
      )}
    </span>
  )
}
