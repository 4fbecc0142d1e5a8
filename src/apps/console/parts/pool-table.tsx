/**
 * One pool: its servers, side by side so that the odd one stands out.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import type { ServerChange, UpstreamView } from '../../../ports/data-plane.ts'
import { formatCount, formatMs, NONE, text } from '../format.ts'
import { StateBadge } from './state-badge.tsx'
import { TableFrame } from './table-frame.tsx'

type OnChange = (server: UpstreamView, wish: ServerChange) => Promise<void>

/** As in the configuration: 0 takes no load. */
const WEIGHT_MAX = 256

export function PoolTable(props: {
  readonly pool: string
  readonly servers: readonly UpstreamView[]
  readonly onChange: OnChange
}) {
  const { pool, servers, onChange } = props
  const total = servers.reduce((sum, server) => sum + server.requests, 0)
  const slowest = servers.reduce((most, server) => Math.max(most, server.latencyMs), 0)
  return (
    <>
      <h2>
        Pool <code>{pool}</code>
      </h2>
      <TableFrame label={`Servers of pool ${pool}`} cards>
        <thead>
          <tr>
            <th scope="col">Server</th>
            <th scope="col">State</th>
            <th scope="col">Latency</th>
            <th scope="col" class="number">
              Requests
            </th>
            <th scope="col" class="number wide-only">
              In flight
            </th>
            <th scope="col" class="number wide-only">
              Failures
            </th>
            <th scope="col">Weight</th>
            <th scope="col">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {servers.map((server) => (
            <ServerRow
              key={server.id}
              server={server}
              share={total === 0 ? 0 : server.requests / total}
              slowest={slowest}
              onChange={onChange}
            />
          ))}
        </tbody>
      </TableFrame>
    </>
  )
}

function ServerRow(props: {
  readonly server: UpstreamView
  readonly share: number
  readonly slowest: number
  readonly onChange: OnChange
}) {
  const { server, share, slowest, onChange } = props
  const [busy, setBusy] = useState(false)
  const change = async (wish: ServerChange): Promise<void> => {
    setBusy(true)
    await onChange(server, wish)
    setBusy(false)
  }
  const draining = server.state === 'draining'
  return (
    <tr>
      <th scope="row">
        {server.id}
        <code class="second-line">{server.address}</code>
      </th>
      <td>
        <StateBadge state={server.state} />
        <span class="second-line">{server.check || 'no checks'}</span>
      </td>
      <td class="latency" data-label="Latency">
        {server.latencyMs === 0 ? NONE : text(formatMs(server.latencyMs))}
        <meter
          min={0}
          max={slowest || 1}
          value={server.latencyMs}
          aria-label={`Latency of server ${server.id}, against the slowest`}
        />
        <span class="second-line">{cpuText(server)}</span>
      </td>
      <td class="number" data-label="Requests">
        {formatCount(server.requests)}
        <span class="second-line">{Math.round(share * 100)} % of the pool</span>
      </td>
      <td class="number wide-only">
        {formatCount(server.inFlight)}
        <span class="second-line">{formatCount(server.connections)} connections</span>
      </td>
      <td class="number wide-only">{formatCount(server.failures)}</td>
      <td data-label="Weight">
        <WeightForm server={server} busy={busy} onSet={(weight) => void change({ weight })} />
      </td>
      <td class="number">
        <button
          type="button"
          class="steady"
          disabled={busy}
          onClick={() => void change({ draining: !draining })}
        >
          {draining ? 'Restore' : 'Drain'}
          <span class="hidden"> server {server.id}</span>
        </button>
      </td>
    </tr>
  )
}

/** As it says itself, else as its machine says. */
function cpuText({ load, machine }: UpstreamView): string {
  const cpu = load?.cpu ?? machine?.cpu
  return cpu === undefined ? '' : `CPU ${Math.round(cpu * 100)} %, as it says`
}

function WeightForm(props: {
  readonly server: UpstreamView
  readonly busy: boolean
  onSet(weight: number): void
}) {
  const { server, busy, onSet } = props
  /** What is being typed; `undefined` follows the server. */
  const [draft, setDraft] = useState<string | undefined>(undefined)
  const submit = (event: Event): void => {
    event.preventDefault()
    if (draft !== undefined) onSet(Number(draft))
    setDraft(undefined)
  }
  const changed = draft !== undefined && draft !== '' && Number(draft) !== server.weight
  return (
    <form class="weight" onSubmit={submit}>
      <input
        type="number"
        min={0}
        max={WEIGHT_MAX}
        step={1}
        required
        aria-label={`Weight of server ${server.id}`}
        value={draft ?? String(server.weight)}
        onInput={(event) => setDraft(event.currentTarget.value)}
      />
      <button type="submit" disabled={busy || !changed}>
        Set<span class="hidden"> weight of server {server.id}</span>
      </button>
    </form>
  )
}
