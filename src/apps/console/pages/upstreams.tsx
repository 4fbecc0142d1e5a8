/**
 * The servers behind the edge: how they are, how much they get, and taking them out and back in.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import type { ServerChange, UpstreamView } from '../../../ports/data-plane.ts'
import { usePoll } from '../api/poll.ts'
import { type Failure, sendJson } from '../api/request.ts'
import { Notice, Pending } from '../parts/notice.tsx'
import { PoolTable } from '../parts/pool-table.tsx'
import { useSession } from '../session.tsx'

const EVERY_MS = 2000

export function UpstreamsPage() {
  const session = useSession()
  const { value, failure, refresh } = usePoll<readonly UpstreamView[]>(
    'v1/upstreams',
    EVERY_MS,
    session.count,
  )
  const [said, setSaid] = useState('')

  const change = async (server: UpstreamView, wish: ServerChange): Promise<void> => {
    const path = `v1/upstreams/${encodeURIComponent(server.pool)}/${encodeURIComponent(server.id)}`
    let outcome = await sendJson('PATCH', path, wish)
    const refused = outcome.kind === 'failed' && needsSignIn(outcome.failure)
    if (refused && (await session.signIn())) outcome = await sendJson('PATCH', path, wish)
    setSaid(outcome.kind === 'ok' ? sayChange(server, wish) : sayFailure(server, outcome.failure))
    refresh()
  }

  if (value === undefined) return <Pending failure={failure} />
  if (value.length === 0) {
    return (
      <Notice title="No upstream servers">
        <p>The configuration has no pool with a server in it.</p>
      </Notice>
    )
  }
  const pools = Map.groupBy(value, (server) => server.pool)
  return (
    <>
      <p class="quiet count" role="status">
        {said || 'Every two seconds. Changes last until the server leaves the configuration.'}
      </p>
      {[...pools].map(([pool, servers]) => (
        <PoolTable key={pool} pool={pool} servers={servers} onChange={change} />
      ))}
    </>
  )
}

function needsSignIn(failure: Failure): boolean {
  return failure.kind === 'unauthorised' || failure.kind === 'forbidden'
}

function sayChange(server: UpstreamView, wish: ServerChange): string {
  if (wish.weight !== undefined) return `Server ${server.id} now has weight ${wish.weight}.`
  return wish.draining === true
    ? `Server ${server.id} is draining: what runs finishes, nothing new comes.`
    : `Server ${server.id} takes requests again.`
}

function sayFailure(server: UpstreamView, failure: Failure): string {
  const start = `Server ${server.id} was not changed`
  if (failure.kind === 'offline') return `${start}: Limen does not answer.`
  if (failure.kind === 'unauthorised') return `${start}: this needs an operator to sign in.`
  return `${start}: ${failure.detail}.`
}
