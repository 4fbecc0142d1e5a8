/**
 * One device: its stream against the baseline, what became of its keys, and what somebody may do about it.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import { useChange } from '../api/change.ts'
import type { DeviceDetail, StreamHistory } from '../api/devices.ts'
import { usePoll } from '../api/poll.ts'
import { formatScore } from '../format.ts'
import { useSession } from '../session.tsx'
import { ConfirmDialog } from './confirm-dialog.tsx'
import { DeviceCharts } from './device-charts.tsx'
import { DeviceTimeline } from './device-timeline.tsx'
import { Notice, Pending } from './notice.tsx'

/** As often as transports report. */
const EVERY_MS = 2000

export function DevicePanel(props: { readonly party: string; onChange(): void }) {
  const { party } = props
  const session = useSession()
  const path = `v1/devices/${encodeURIComponent(party)}`
  const detail = usePoll<DeviceDetail>(path, EVERY_MS, session.count)
  const stream = usePoll<StreamHistory>(`${path}/stream`, EVERY_MS, session.count)
  const { value } = detail
  if (value === undefined) return <Pending failure={detail.failure} />
  return (
    <section aria-labelledby="device-title">
      <h2 id="device-title">{party}</h2>
      <Actions
        device={value}
        path={path}
        onChange={() => {
          detail.refresh()
          props.onChange()
        }}
      />
      {value.behavior === null || stream.value === undefined ? (
        <Notice title="Its stream is not watched">
          <p>
            A transport with <code>--watch</code>, or <code>--srt</code>, says how streams are, once
            packets come.
          </p>
        </Notice>
      ) : (
        <>
          <p class="quiet">
            {value.behavior.protocol === 'srt'
              ? 'Direct evidence makes another passphrase due. SRT is encrypted from end to end: sizes and the path make it suspicious, and no more.'
              : `A score of identity makes another key due at ${formatScore(value.behavior.limit)}; direct evidence always does.`}
          </p>
          <DeviceCharts stream={stream.value} />
        </>
      )}
      <h2>Rotations</h2>
      <DeviceTimeline events={value.happened} />
    </section>
  )
}

interface Act {
  readonly path: string
  readonly body?: unknown
  readonly done: string
}

function Actions(props: {
  readonly device: DeviceDetail
  readonly path: string
  onChange(): void
}) {
  const { device, path } = props
  const change = useChange()
  const [said, setSaid] = useState('')
  const [isRevoking, setRevoking] = useState(false)
  const act = async ({ path: to, body, done }: Act): Promise<void> => {
    const why = await change('POST', `${path}/${to}`, body)
    setSaid(why === '' ? done : `Nothing was done: ${why}`)
    props.onChange()
  }
  const hasLimit = device.behavior?.protocol !== 'srt'
  const label = (as: Act) => void act(hasLimit ? as : { ...as, done: NO_LIMIT })
  if (device.state !== 'enrolled' && device.state !== 'quarantined') return null
  return (
    <>
      <div class="bar">
        <p class="quiet live" role="status">
          {said}
        </p>
        <button
          type="button"
          onClick={() =>
            void act({
              path: 'rekey',
              body: { reason: 'hand' },
              done: 'Another key is on its way.',
            })
          }
        >
          Re-key
        </button>
        <button type="button" onClick={() => label(FALSE_ALARM)}>
          False alarm
        </button>
        <button type="button" onClick={() => label(INTRUSION)}>
          Intrusion
        </button>
        <button type="button" class="steady" onClick={() => setRevoking(true)}>
          Revoke
        </button>
      </div>
      {isRevoking && (
        <ConfirmDialog
          title={`Revoke ${device.party}?`}
          action="Revoke"
          onAnswer={(isSure) => {
            setRevoking(false)
            if (isSure) void act({ path: 'revoke', done: 'It is out.' })
          }}
        >
          <p>Nothing is taken from it any more. To be let in again it has to be enrolled anew.</p>
        </ConfirmDialog>
      )}
    </>
  )
}

/** Of SRT. */
const NO_LIMIT = 'It was written down: direct evidence has no limit that could move.'
const FALSE_ALARM: Act = {
  ...{ path: 'label', body: { label: 'false-alarm' } },
  done: 'Transports were told: a limit that was too low goes up.',
}
const INTRUSION: Act = {
  ...{ path: 'label', body: { label: 'intrusion' } },
  done: 'Transports were told: if it was missed, the limit goes down.',
}
