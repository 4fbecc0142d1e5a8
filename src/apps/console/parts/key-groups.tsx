/**
 * The keys that seal tickets, by group and epoch, with who holds them; and those that clients seal to.
 *
 * @module
 */
import { usePoll } from '../api/poll.ts'
import type { EpochView, KeysView } from '../api/views.ts'
import { formatCount, formatMoment, NONE } from '../format.ts'
import { useSession } from '../session.tsx'
import { Pending } from './notice.tsx'
import { TableFrame } from './table-frame.tsx'

const EVERY_MS = 10_000

const STATES: Readonly<Record<EpochView['state'], readonly [tone: string, meaning: string]>> = {
  pending: ['warn', 'made, waits until all hold it'],
  active: ['good', 'seals new tickets'],
  accept: ['plain', 'its tickets are still good'],
}

export function KeyGroups() {
  const session = useSession()
  const { value, failure } = usePoll<KeysView>('v1/keys', EVERY_MS, session.count)
  if (value === undefined) return <Pending failure={failure} />
  return (
    <>
      <h2>Key groups</h2>
      <EpochTable groups={value.groups} />
      <h2>Keys that clients seal to</h2>
      <p class="quiet count">
        Signed by the identity key <code class="wrap">{value.identity}</code>
      </p>
      <ConfigurationKeys keys={value.keys} />
    </>
  )
}

function EpochTable(props: { readonly groups: KeysView['groups'] }) {
  const rows = props.groups.flatMap((group) => group.epochs.map((epoch) => ({ group, epoch })))
  return (
    <TableFrame label="Key groups">
      <thead>
        <tr>
          <th scope="col">Group, epoch</th>
          <th scope="col">State</th>
          <th scope="col">Held by</th>
          <th scope="col" class="wide-only">
            Active since
          </th>
          <th scope="col" class="wide-only">
            Accepted until
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ group, epoch }) => (
          <tr key={`${group.group}/${epoch.epoch}`}>
            <th scope="row">
              {group.group}, epoch {epoch.epoch}
              <span class="second-line">{group.hosts.join(' ') || 'all hosts'}</span>
            </th>
            <td>
              <span class={`badge badge-${STATES[epoch.state][0]}`}>{epoch.state}</span>
              <span class="second-line wide-only">{STATES[epoch.state][1]}</span>
            </td>
            <td>
              {formatCount(epoch.heldBy)} of {formatCount(epoch.workers)}
              <span class="second-line">{holdersText(epoch)}</span>
            </td>
            <td class="time wide-only">{momentOf(epoch.activeAt)}</td>
            <td class="time wide-only">{momentOf(epoch.acceptUntil)}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}

function ConfigurationKeys(props: { readonly keys: KeysView['keys'] }) {
  return (
    <TableFrame label="Keys that clients seal to">
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Agreement</th>
          <th scope="col" class="wide-only">
            From
          </th>
          <th scope="col">Ends</th>
        </tr>
      </thead>
      <tbody>
        {props.keys.map(({ id, kem, notBefore, expires }) => (
          <tr key={id}>
            <th scope="row">{id}</th>
            <td>{kem}</td>
            <td class="time wide-only">{formatMoment(notBefore)}</td>
            <td class="time">{formatMoment(expires)}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}

/** Who has it; when somebody has not, only who that is. */
function holdersText({ holders }: EpochView): string {
  const missing = holders.filter(({ holds }) => !holds)
  const names = (missing.length > 0 ? missing : holders).map(
    // Behind the slash is which process of it.
    ({ kind, name }) => `${kind} ${name.split('/')[0]}`,
  )
  return missing.length > 0 ? `waits for ${names.join(', ')}` : names.join(', ')
}

function momentOf(at: number): string {
  return at === 0 ? NONE : formatMoment(at)
}
