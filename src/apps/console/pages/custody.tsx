/**
 * Keys in custody: the nodes with the shares they hold, what drills have found, how much keys are used, and where shares should be.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import { useChange } from '../api/change.ts'
import { usePoll } from '../api/poll.ts'
import type { CustodyView } from '../api/views.ts'
import { badShares } from '../bad-shares.ts'
import { formatDuration, plural } from '../format.ts'
import { CustodyKeys } from '../parts/custody-keys.tsx'
import { CustodyNodes } from '../parts/custody-nodes.tsx'
import { CustodyPlanPanel } from '../parts/custody-plan.tsx'
import { CustodyTiles } from '../parts/custody-tiles.tsx'
import { CustodyUse } from '../parts/custody-use.tsx'
import { Notice, Pending } from '../parts/notice.tsx'
import { ShareEvents } from '../parts/share-events.tsx'
import { useSession } from '../session.tsx'

const EVERY_MS = 5000

export function CustodyPage() {
  const session = useSession()
  const change = useChange()
  const path = 'v1/custody'
  const { value, failure, refresh } = usePoll<CustodyView>(path, EVERY_MS, session.count)
  const [said, setSaid] = useState('')
  const [isDrilling, setDrilling] = useState(false)

  const drill = async (): Promise<void> => {
    setDrilling(true)
    setSaid('Every holder of every key is asked to prove its share.')
    const why = await change('POST', 'v1/custody/drills')
    setDrilling(false)
    setSaid(why === '' ? 'All shares were drilled.' : `Nothing was drilled: ${why}`)
    refresh()
  }

  if (value === undefined) {
    return failure?.kind === 'missing' ? <Elsewhere /> : <Pending failure={failure} />
  }
  const { everyS, repair } = value.drill
  const bad = badShares(value.keys)
  return (
    <>
      <div class="bar">
        <p class="quiet live" role="status">
          {said ||
            `Each share is drilled every ${formatDuration(everyS * 1000)}${repair ? ', and repaired' : ''}.`}
        </p>
        <button type="button" class="primary" disabled={isDrilling} onClick={() => void drill()}>
          Drill now
        </button>
      </div>
      {bad.length > 0 && (
        <p class="banner" role="alert">
          {plural(bad.length, 'share')} bad:{' '}
          {bad.map(({ key, node, verdict }) => `${key} at ${node}, ${verdict}`).join('; ')}.
        </p>
      )}
      <CustodyTiles view={value} />
      <h2>Nodes by domain</h2>
      <CustodyNodes nodes={value.nodes} keys={value.keys} />
      <h2>Keys</h2>
      <CustodyKeys keys={value.keys} />
      <h2>Use</h2>
      <CustodyUse operations={value.operations} countedAt={value.countedAt} />
      <h2>Placement</h2>
      <CustodyPlanPanel plan={value.plan} />
      <h2>What drills have found</h2>
      <ShareEvents events={value.events} />
    </>
  )
}

function Elsewhere() {
  return (
    <Notice title="No custody nodes run here">
      <p>
        With <code>custody.mode: embedded</code> Limen runs five of its own. Nodes elsewhere are
        looked at by <code>limen custody status</code>.
      </p>
    </Notice>
  )
}
