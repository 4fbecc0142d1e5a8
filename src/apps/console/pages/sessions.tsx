/**
 * Session keys: who holds which, how they rotate, what checks at the edge came to, and the sessions themselves.
 *
 * @module
 */
import { useMemo } from 'preact/hooks'
import { usePoll } from '../api/poll.ts'
import { useTraffic } from '../api/traffic.ts'
import type { SessionFigures, TrafficPoint } from '../api/views.ts'
import { KeyGroups } from '../parts/key-groups.tsx'
import { Notice, Pending } from '../parts/notice.tsx'
import { SessionCharts } from '../parts/session-charts.tsx'
import { SessionChecks } from '../parts/session-checks.tsx'
import { SessionHandoffs } from '../parts/session-handoffs.tsx'
import { SessionTable } from '../parts/session-table.tsx'
import { SessionTiles } from '../parts/session-tiles.tsx'
import { useSession } from '../session.tsx'
import { lastPoints } from '../traffic-series.ts'

const EVERY_MS = 5000
const SPAN_MS = 600_000

export function SessionsPage() {
  const session = useSession()
  const { value, failure } = usePoll<SessionFigures>('v1/session-figures', EVERY_MS, session.count)
  if (value === undefined) return <Pending failure={failure} />
  return value.keyServer === 'none' ? <Off /> : <Figures figures={value} />
}

function Off() {
  return (
    <Notice title="Session keys are off">
      <p>
        With them each client proves a key of its own with every request, so that a stolen cookie is
        of no use. In <code>limen.yaml</code>:
      </p>
      <pre class="sample">{`routes:
  - { path: /account, pool: app, sessionKey: required }
sessions:
  enabled: true`}</pre>
      <p>Then start Limen again. Browsers need nothing else.</p>
    </Notice>
  )
}

function Figures(props: { readonly figures: SessionFigures }) {
  const { figures } = props
  const session = useSession()
  const traffic = useTraffic(session.count)
  const points = useMemo<readonly TrafficPoint[]>(
    () => lastPoints(traffic.points, SPAN_MS),
    [traffic.points],
  )
  const isHere = figures.keyServer === 'here'
  return (
    <>
      <SessionTiles figures={figures} points={points} />
      <SessionCharts points={points} spanMs={SPAN_MS} withKeys={isHere} />
      <SessionChecks checks={figures.checks} />
      <SessionHandoffs handoffs={figures.handoffs} />
      {isHere ? (
        <>
          <KeyGroups />
          <SessionTable />
        </>
      ) : (
        <Notice title="The key server is another process">
          <p>
            Keys and sessions are shown in its console: <code>sessions.server</code> of this edge
            says where it is.
          </p>
        </Notice>
      )}
    </>
  )
}
