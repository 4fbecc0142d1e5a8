/**
 * Sessions whose keys are good, the last to rotate first, and ending one.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import { useChange } from '../api/change.ts'
import { usePoll } from '../api/poll.ts'
import type { SessionView } from '../api/views.ts'
import { formatCount, formatMoment, NONE, plural } from '../format.ts'
import { useSession } from '../session.tsx'
import { ConfirmDialog } from './confirm-dialog.tsx'
import { Notice, Pending } from './notice.tsx'
import { TableFrame } from './table-frame.tsx'
import { TierBadge } from './tier-badge.tsx'

const EVERY_MS = 5000
/** More rows than a person reads; the rest is a matter for the API. */
const SHOWN_MAX = 100
const REASONS: Readonly<Record<SessionView['reason'], string>> = {
  opened: 'opened',
  time: 'by time',
  security: 'on suspicion',
  client: 'by the client',
}

export function SessionTable() {
  const session = useSession()
  const path = `v1/sessions?limit=${SHOWN_MAX}`
  const { value, failure, refresh } = usePoll<readonly SessionView[]>(path, EVERY_MS, session.count)
  const change = useChange()
  const [said, setSaid] = useState('')
  const [asked, setAsked] = useState<SessionView | undefined>(undefined)

  const end = async ({ id }: SessionView): Promise<void> => {
    const failed = await change('DELETE', `v1/sessions/${encodeURIComponent(id)}`)
    setSaid(failed === '' ? `Session ${id} is ended.` : `Session ${id} goes on: ${failed}`)
    refresh()
  }
  return (
    <>
      <h2>Live sessions</h2>
      {value === undefined ? (
        <Pending failure={failure} />
      ) : (
        <>
          <p class="quiet count" role="status">
            {said || `${plural(value.length, 'session')} shown, the last to rotate first.`}
          </p>
          {value.length === 0 ? (
            <Notice title="No sessions">
              <p>A client opens one when it first asks for a route that needs a session key.</p>
            </Notice>
          ) : (
            <Rows sessions={value} onEnd={setAsked} />
          )}
        </>
      )}
      {asked !== undefined && (
        <ConfirmDialog
          title="End this session?"
          action="End session"
          onAnswer={(isSure) => {
            setAsked(undefined)
            if (isSure) void end(asked)
          }}
        >
          <p>
            Requests under its keys are refused from now on, and it cannot be brought back. Its
            client may open another.
          </p>
          <p>
            <code class="wrap">{asked.id}</code> of {asked.origin}
          </p>
        </ConfirmDialog>
      )}
    </>
  )
}

function Rows(props: {
  readonly sessions: readonly SessionView[]
  onEnd(session: SessionView): void
}) {
  return (
    <TableFrame label="Live sessions">
      <thead>
        <tr>
          <th scope="col">Session, subject</th>
          <th scope="col">Tier</th>
          <th scope="col" class="number">
            Generation
          </th>
          <th scope="col">Rotated</th>
          <th scope="col" class="wide-only">
            Expires
          </th>
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {props.sessions.map((session) => (
          <tr key={session.id}>
            <th scope="row">
              <code>{session.id}</code>
              <span class="second-line">
                {session.subject === undefined ? 'nobody logged in' : session.subject},{' '}
                {session.origin}
              </span>
            </th>
            <td>
              <TierBadge tier={session.tier} />
            </td>
            <td class="number">{formatCount(session.generation)}</td>
            <td class="time">
              {formatMoment(session.rotatedAt)}
              <span class="second-line">{REASONS[session.reason] ?? NONE}</span>
            </td>
            <td class="time wide-only">{formatMoment(session.expires)}</td>
            <td class="number">
              {session.revoked ? (
                <span class="badge badge-bad">ended</span>
              ) : (
                <button type="button" class="steady" onClick={() => props.onEnd(session)}>
                  End<span class="hidden"> session {session.id}</span>
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}
