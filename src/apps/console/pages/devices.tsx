/**
 * Video sources: whether each stream is what it was, and what became of its keys.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import type { DeviceView } from '../api/devices.ts'
import { usePoll } from '../api/poll.ts'
import type { StatusView } from '../api/views.ts'
import { DevicePanel } from '../parts/device-panel.tsx'
import { DeviceTable } from '../parts/device-table.tsx'
import { Notice, Pending } from '../parts/notice.tsx'
import { useSession } from '../session.tsx'

const EVERY_MS = 2000
/** What is configured changes when Limen starts anew. */
const STATUS_EVERY_MS = 60_000

export function DevicesPage() {
  const session = useSession()
  const path = 'v1/status'
  const { value, failure } = usePoll<StatusView>(path, STATUS_EVERY_MS, session.count)
  if (value === undefined) return <Pending failure={failure} />
  return value.devices ? <Devices /> : <Off />
}

function Devices() {
  const session = useSession()
  const { value, failure, refresh } = usePoll<{ readonly devices: readonly DeviceView[] }>(
    ...(['v1/devices', EVERY_MS, session.count] as const),
  )
  const [picked, setPicked] = useState('')
  if (value === undefined) return <Pending failure={failure} />
  const devices = value.devices.filter(({ kind }) => kind === 'device')
  const chosen = devices.find(({ party }) => party === picked) ?? devices[0]
  const anomalous = devices.filter(({ behavior }) => behavior?.state === 'anomalous')
  return (
    <>
      {anomalous.length > 0 && (
        <p class="banner" role="alert">
          {anomalous.map(({ party }) => party).join(', ')}: not what it was. Another key is due.
        </p>
      )}
      {value.devices.length === 0 ? (
        <Notice title="No devices yet">
          <p>
            <code>limen devices enrol NAME</code> prints a code for one.
          </p>
        </Notice>
      ) : (
        <DeviceTable
          devices={value.devices}
          chosen={chosen?.party ?? ''}
          onChoose={(party) => setPicked(party)}
        />
      )}
      {chosen !== undefined && (
        <DevicePanel key={chosen.party} party={chosen.party} onChange={refresh} />
      )}
    </>
  )
}

function Off() {
  return (
    <Notice title="No key service is asked">
      <p>
        Keys of video sources are given by <code>limen device-keys</code>. In{' '}
        <code>limen.yaml</code>:
      </p>
      <pre class="sample">{`devices:
  keyService: https://127.0.0.1:9460
  caFile: keys/ca.pem
  tokenFile: keys/token`}</pre>
      <p>Then start Limen again.</p>
    </Notice>
  )
}
