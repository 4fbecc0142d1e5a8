/**
 * Video sources and their transports: whose keys are in force, and how each stream is.
 *
 * @module
 */
import type { DeviceView, StreamState } from '../api/devices.ts'
import { formatCount, formatDuration, NONE } from '../format.ts'
import { TableFrame } from './table-frame.tsx'

const STREAM_TONES: Readonly<Record<StreamState, string>> = {
  learning: 'warn',
  normal: 'good',
  suspicious: 'warn',
  anomalous: 'bad',
}
const KEY_TONES: Readonly<Record<DeviceView['state'], string>> = {
  invited: 'warn',
  enrolled: 'good',
  revoked: 'bad',
  quarantined: 'bad',
}
/** Nothing was said of it for so long: it is not sending, or nobody watches any more. */
const SILENT_MS = 10_000
const REASONS_SHOWN = 3

export function DeviceTable(props: {
  readonly devices: readonly DeviceView[]
  readonly chosen: string
  onChoose(party: string): void
}) {
  return (
    <TableFrame label="Devices and transports">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Stream</th>
          <th scope="col">Keys</th>
          <th scope="col">At the broker</th>
          <th scope="col" class="number">
            Epoch
          </th>
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {props.devices.map((device) => (
          <tr key={device.party}>
            <th scope="row">
              {device.party}
              {device.kind === 'transport' && <span class="second-line">transport</span>}
              {device.behavior?.protocol === 'srt' && <span class="second-line">SRT</span>}
            </th>
            <td>
              <Stream device={device} />
            </td>
            <td>
              <span class={`badge badge-${KEY_TONES[device.state]}`}>{device.state}</span>
            </td>
            <td>{device.isPresent ? 'yes' : 'no'}</td>
            <td class="number">
              {device.epoch === null ? NONE : formatCount(device.epoch)}
              {device.step !== null && device.step !== 'idle' && (
                <span class="second-line">another: {device.step}</span>
              )}
            </td>
            <td class="number">
              {device.kind === 'device' && (
                <button
                  type="button"
                  aria-pressed={device.party === props.chosen}
                  onClick={() => props.onChoose(device.party)}
                >
                  Show<span class="hidden"> {device.party}</span>
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}

function Stream(props: { readonly device: DeviceView }) {
  const { behavior } = props.device
  if (behavior === null) return <span class="quiet">{NONE}</span>
  const { state, reasons, ageMs } = behavior
  const why = reasons.slice(0, REASONS_SHOWN).map(({ what }) => what)
  return (
    <>
      <span class={`badge badge-${STREAM_TONES[state]}`}>{state}</span>
      {ageMs > SILENT_MS && <span class="second-line">{formatDuration(ageMs)} ago</span>}
      {why.length > 0 && <span class="second-line">{why.join('; ')}</span>}
    </>
  )
}
