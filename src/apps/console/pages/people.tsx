/**
 * People whose behavior is watched, by pseudonym: in which tier their sessions are, and requests that were captured in tier 3.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import type { BehaviorHealth, PersonStanding } from '../api/people.ts'
import { usePoll } from '../api/poll.ts'
import { formatClock, formatCount, formatShare, NONE, plural } from '../format.ts'
import { CaptureTable } from '../parts/capture-table.tsx'
import { Notice, Pending } from '../parts/notice.tsx'
import { TableFrame } from '../parts/table-frame.tsx'
import { TierBadge } from '../parts/tier-badge.tsx'
import { type TierChoice, TierSegments } from '../parts/tier-segments.tsx'
import { Tile } from '../parts/tile.tsx'
import { hashOf } from '../route.ts'
import { signed } from '../score-drift.ts'
import { useSession } from '../session.tsx'

const EVERY_MS = 3000
/** More rows than a person reads; the rest is a matter for the API. */
const SHOWN_MAX = 200
export function PeoplePage() {
  const session = useSession()
  const path = 'v1/behavior/people'
  const { value, failure } = usePoll<readonly PersonStanding[]>(path, EVERY_MS, session.count)
  if (failure?.kind === 'missing') return <Off />
  return value === undefined ? <Pending failure={failure} /> : <Watched people={value} />
}

function Off() {
  return (
    <Notice title="Nobody’s behavior is watched">
      <p>
        A session that somebody else has taken over is noticed by how that person types and points.
        In <code>limen.yaml</code>:
      </p>
      <pre class="sample">{`behavior:
  mode: observe`}</pre>
      <p>Then start Limen again, and have pages tell, with their visitors’ consent.</p>
    </Notice>
  )
}

function Watched(props: { readonly people: readonly PersonStanding[] }) {
  const { people } = props
  const session = useSession()
  const [tier, setTier] = useState<TierChoice>(0)
  const path = 'v1/health/anomalydetection'
  const { value: health, failure } = usePoll<BehaviorHealth>(path, EVERY_MS, session.count)
  const shown = people.filter((one) => tier === 0 || one.tier === tier).slice(0, SHOWN_MAX)
  return (
    <>
      {/* Who is blind answers 503. */}
      <PeopleTiles health={health} isBlind={failure?.kind === 'problem'} people={people} />
      <div class="bar">
        <TierSegments chosen={tier} onChoose={setTier} />
      </div>
      <p class="quiet count">
        {plural(shown.length, 'person', 'people')} shown, the last heard of first.
      </p>
      {shown.length === 0 ? (
        <Notice title="Nobody">
          <p>Who is known shows here, once a page has told how they type and point.</p>
        </Notice>
      ) : (
        <PeopleTable people={shown} />
      )}
      {health?.captures !== undefined && <CaptureTable captures={health.captures} />}
    </>
  )
}

function PeopleTiles(props: {
  readonly health: BehaviorHealth | undefined
  readonly isBlind: boolean
  readonly people: readonly PersonStanding[]
}) {
  const { health, isBlind, people } = props
  const { sessions = 0, drift = 0, falsePositives, captures } = health ?? {}
  const suspicious = people.filter((one) => one.tier > 1).length
  const used = falsePositives?.used ?? 0
  return (
    <dl class="tiles">
      <Tile
        name="Judging"
        quantity={{ value: isBlind ? 'blind' : health === undefined ? NONE : 'yes', unit: '' }}
        context={isBlind ? 'nobody can be judged' : 'as people behave'}
        tone={isBlind ? 'bad' : 'plain'}
      />
      <Tile
        name="Sessions"
        quantity={{ value: formatCount(sessions), unit: '' }}
        context="that tell"
      />
      <Tile
        name="Suspicious"
        quantity={{ value: formatCount(suspicious), unit: '' }}
        context="people in tier 2 or 3"
        tone={suspicious > 0 ? 'warn' : 'plain'}
      />
      <Tile
        name="Budget used"
        quantity={formatShare(used)}
        context={`${formatCount(falsePositives?.flagged ?? 0)} of ${plural(falsePositives?.sessions ?? 0, 'session')} flagged`}
        tone={used > 1 ? 'warn' : 'plain'}
      />
      <Tile
        name="Threshold drift"
        quantity={{ value: signed(drift), unit: '' }}
        context="digits, of tier 2"
      />
      <Tile
        name="Captured"
        quantity={{ value: captures === undefined ? NONE : formatCount(captures.kept), unit: '' }}
        context={captures === undefined ? 'behavior.capture is off' : 'requests of tier 3'}
      />
    </dl>
  )
}

function PeopleTable(props: { readonly people: readonly PersonStanding[] }) {
  return (
    <TableFrame label="People">
      <thead>
        <tr>
          <th scope="col">Person</th>
          <th scope="col">Tier, score</th>
          <th scope="col" class="number">
            Sessions
          </th>
          <th scope="col" class="wide-only">
            Last heard of
          </th>
          <th scope="col" class="wide-only">
            Reasons
          </th>
        </tr>
      </thead>
      <tbody>
        {props.people.map((one) => (
          <tr class="linked" key={one.person}>
            <td>
              <a class="row-link" href={hashOf('people', one.person)}>
                <code>{one.person}</code>
              </a>
            </td>
            <td>
              <TierBadge tier={one.tier} score={one.score} />
            </td>
            <td class="number">{formatCount(one.sessions)}</td>
            <td class="time wide-only">{formatClock(one.at)}</td>
            <td class="wide-only">
              {one.reasons.length === 0 ? (
                <span class="quiet">{NONE}</span>
              ) : (
                <code>{one.reasons.join(', ')}</code>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}
