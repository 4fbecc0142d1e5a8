/**
 * Custody in six figures.
 *
 * @module
 */
import type { CustodyKey, CustodyView } from '../api/views.ts'
import { badShares } from '../bad-shares.ts'
import { formatCount, formatDuration, formatRate, formatShare, NONE, plural } from '../format.ts'
import { Tile } from './tile.tsx'

export function CustodyTiles({ view }: { readonly view: CustodyView }) {
  const { nodes, keys } = view
  const up = nodes.filter(({ state }) => state === 'up').length
  const away = nodes.length - up
  const needed = Math.max(0, ...keys.map(({ threshold }) => threshold))
  const shares = keys.reduce((sum, { holders }) => sum + holders.length, 0)
  const bad = badShares(keys).length
  const uses = keys.flatMap((key) => key.uses)
  const now = uses.reduce((sum, one) => sum + (one.perMinute ?? 0), 0)
  const ahead = uses.reduce((sum, one) => sum + one.expectedPerMinute, 0)
  return (
    <dl class="tiles">
      <Tile
        name="Nodes up"
        quantity={{ value: formatCount(up), unit: `of ${formatCount(nodes.length)}` }}
        context={needed === 0 ? '' : `${formatCount(needed)} are needed`}
        tone={up < needed ? 'bad' : away > 0 ? 'warn' : 'plain'}
      />
      <Tile
        name="Keys"
        quantity={{ value: formatCount(keys.length), unit: '' }}
        context={plural(shares, 'share')}
      />
      <Tile
        name="Bad shares"
        quantity={{ value: formatCount(bad), unit: '' }}
        context="in the latest drills"
        tone={bad > 0 ? 'bad' : 'plain'}
      />
      <Tile name="Drilled" {...drilled(keys)} />
      <Tile name="At hand" quantity={hitRate(view)} context="of shares, in memory" />
      <Tile
        name="Used"
        quantity={{ value: formatRate(now), unit: '/min' }}
        context={`${formatRate(ahead)} in the coming hour`}
      />
    </dl>
  )
}

/** The key that waits longest. */
function drilled(keys: readonly CustodyKey[]) {
  const times = keys.flatMap(({ drill }) => drill?.at ?? [])
  const waiting = keys.length - times.length
  const context = waiting === 0 ? 'ago, at the longest' : `${plural(waiting, 'key')} not yet`
  if (times.length === 0) return { quantity: { value: NONE, unit: '' }, context }
  const age = formatDuration(Math.max(0, Date.now() - Math.min(...times)))
  const [value = '', unit = ''] = age.split(' ')
  return { quantity: { value, unit }, context }
}

function hitRate({ nodes }: CustodyView) {
  const hits = nodes.reduce((sum, { cache }) => sum + (cache?.hits ?? 0), 0)
  const misses = nodes.reduce((sum, { cache }) => sum + (cache?.misses ?? 0), 0)
  return hits + misses === 0 ? { value: NONE, unit: '' } : formatShare(hits / (hits + misses))
}
