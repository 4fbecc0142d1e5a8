/**
 * The handshake pools: their members, and what became of the handshakes each took.
 *
 * @module
 */
import { usePoll } from '../api/poll.ts'
import type { HandshakePool } from '../api/views.ts'
import { formatCount, formatMs, NONE, text } from '../format.ts'
import { useSession } from '../session.tsx'
import { TableFrame } from './table-frame.tsx'

const EVERY_MS = 3000

export function HandshakePools() {
  const session = useSession()
  const path = 'v1/handshake-pools'
  const { value = [] } = usePoll<readonly HandshakePool[]>(path, EVERY_MS, session.count)
  const rows = value.flatMap((pool) => pool.members.map((member) => ({ pool, member })))
  return (
    <>
      <h2>Handshake pools</h2>
      <TableFrame label="Handshake pools">
        <thead>
          <tr>
            <th scope="col">Pool, member</th>
            <th scope="col" class="number">
              Connections
            </th>
            <th scope="col" class="number">
              Full
            </th>
            <th scope="col" class="number">
              Resumed
            </th>
            <th scope="col" class="number">
              Failed
            </th>
            <th scope="col" class="number wide-only">
              Checks passed, failed
            </th>
            <th scope="col" class="number wide-only">
              Handshake
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ pool, member }) => (
            <tr key={`${pool.pool}/${member.id}`}>
              <th scope="row">
                {pool.pool}, {member.id}
                <code class="second-line">
                  {member.address || 'this process'}
                  {member.region && `, ${member.region}`}
                </code>
              </th>
              <td class="number">{formatCount(member.connections)}</td>
              <td class="number">{formatCount(member.full)}</td>
              <td class="number">{formatCount(member.resumed)}</td>
              <td class="number">{formatCount(member.failed)}</td>
              <td class="number wide-only">
                {formatCount(member.checksPassed)}, {formatCount(member.checksFailed)}
              </td>
              <td class="number wide-only">
                {member.handshakeMs === 0 ? NONE : text(formatMs(member.handshakeMs))}
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </>
  )
}
