/**
 * What became of a device's keys: each rotation with its reason, and the evidence, the newest first.
 *
 * @module
 */
import type { DeviceEvent } from '../api/devices.ts'
import { formatMoment, formatMs, NONE, text } from '../format.ts'
import { Notice } from './notice.tsx'
import { TableFrame } from './table-frame.tsx'

const REASONS: Readonly<Record<string, string>> = {
  anomaly: 'anomaly',
  time: 'schedule',
  hand: 'by hand',
  boot: 'it began anew',
}

export function DeviceTimeline(props: { readonly events: readonly DeviceEvent[] }) {
  if (props.events.length === 0) return <Notice title="Nothing happened yet" />
  return (
    <TableFrame label="Rotations">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col">Why</th>
          <th scope="col" class="number">
            Epoch
          </th>
          <th scope="col" class="number">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {props.events.toReversed().map((event, i) => (
          <tr key={`${event.at} ${props.events.length - i}`}>
            <th scope="row" class="time">
              {formatMoment(event.at)}
            </th>
            <td>{event.what}</td>
            <td>
              {event.why ?? (event.reason === undefined ? NONE : REASONS[event.reason])}
              {event.from !== undefined && <span class="second-line">{event.from}</span>}
            </td>
            <td class="number">{event.epoch ?? NONE}</td>
            <td class="number">
              {event.tookMs === undefined ? NONE : text(formatMs(event.tookMs))}
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}
