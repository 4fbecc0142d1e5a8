/**
 * Keys that edges are given ahead of sessions, why, and how many first requests found theirs. Nothing where there is none of
 * it: without `sessions.cluster` or forecasts.
 *
 * @module
 */
import { usePoll } from '../api/poll.ts'
import type { PlacementsView } from '../api/views.ts'
import { formatCount, formatMoment, NONE } from '../format.ts'
import {
  type FirstRequestCounts,
  type PlacedKeysRow,
  type PlacementState,
  placedKeysRows,
  rowsShown,
} from '../placed-keys-rows.ts'
import { useSession } from '../session.tsx'
import { Pending } from './notice.tsx'
import { TableFrame } from './table-frame.tsx'

/** Edges tell what they counted every 5 s. */
const EVERY_MS = 5000

const STATES: Readonly<Record<PlacementState, readonly [tone: string, meaning: string]>> = {
  held: ['good', 'by all workers of the edge'],
  sent: ['warn', 'not held by all its workers yet'],
  shown: ['plain', 'would be placed'],
  'not placed': ['plain', 'nothing given ahead'],
}

export function PlacedKeys() {
  const session = useSession()
  const path = 'v1/keys/placements'
  const { value, failure } = usePoll<PlacementsView>(path, EVERY_MS, session.count)
  if (failure?.kind === 'missing') return null
  // Before the first answer it is not known whether there is anything to show.
  if (value === undefined && failure === undefined) return null
  return (
    <>
      <h2>Keys placed ahead</h2>
      {value === undefined ? <Pending failure={failure} /> : <Placements view={value} />}
    </>
  )
}

function Placements({ view }: { readonly view: PlacementsView }) {
  const all = placedKeysRows(view)
  const { rows, morePlaced, moreNotPlaced } = rowsShown(all)
  const more = [
    morePlaced > 0 && `${formatCount(morePlaced)} more placed`,
    moreNotPlaced > 0 && `${formatCount(moreNotPlaced)} more not placed`,
  ].filter((one) => one !== false)
  return (
    <>
      <p>
        {view.mode === 'act'
          ? 'Edges are given the keys of groups whose sessions are expected there, before they come.'
          : 'Nothing is placed, it is only shown what would be: forecast.mode is observe.'}
      </p>
      {all.length === 0 ? (
        <p class="quiet">No group is expected at an edge that does not serve it.</p>
      ) : (
        <>
          <p class="quiet">
            First requests of sessions are counted since an edge was started. Those that missed
            their key are by what clients say: anybody can invent some. Not placed is what the edge
            serves anyway, may not hold, or too few are expected for.
          </p>
          <PlacementTable rows={rows} />
        </>
      )}
      {more.length > 0 && (
        <p class="quiet">
          And {more.join(', ')}: <code>limen keys placements</code> has all.
        </p>
      )}
    </>
  )
}

function PlacementTable({ rows }: { readonly rows: readonly PlacedKeysRow[] }) {
  return (
    <TableFrame label="Keys placed ahead">
      <thead>
        <tr>
          <th scope="col">Edge, group</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Found their key
          </th>
          <th scope="col" class="wide-only">
            Since
          </th>
          <th scope="col" class="wide-only">
            Why
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ edge, group, state, since, why, firstRequests }) => (
          <tr key={`${edge}/${group}`}>
            <th scope="row">
              {edge}
              <span class="second-line">group {group}</span>
            </th>
            <td>
              <span class={`badge badge-${STATES[state][0]}`}>{state}</span>
              <span class="second-line wide-only">{STATES[state][1]}</span>
            </td>
            <td class="number">
              <Found counts={firstRequests} />
            </td>
            <td class="time wide-only">{since === null ? NONE : formatMoment(since)}</td>
            <td class="wide-only sentence">{why || NONE}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}

function Found({ counts }: { readonly counts: FirstRequestCounts }) {
  const { all, found, missed, late } = counts
  if (all === 0) return <>{NONE}</>
  return (
    <>
      {formatCount(found)} of {formatCount(all)}
      {missed > 0 && (
        <span class="second-line">
          {formatCount(missed)} missed
          {late > 0 && <span class="wide-only">, {formatCount(late)} found it later</span>}
        </span>
      )}
    </>
  )
}
