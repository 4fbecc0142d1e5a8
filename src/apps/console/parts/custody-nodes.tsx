/**
 * The nodes of custody, domain by domain: how they are, which shares they hold and what drills said of these, and what they do.
 *
 * @module
 */
import type { CustodyKey, CustodyNode } from '../api/views.ts'
import { nameOf, toneOf } from '../bad-shares.ts'
import { formatCount, formatMs, formatShare, NONE, plural, text } from '../format.ts'
import { TableFrame } from './table-frame.tsx'

/** More is in the table of keys. */
const SHARES_SHOWN = 8
const OPERATIONS_SHOWN = 3
/** To look after the cluster, not to use keys. */
const LOOKS: ReadonlySet<string> = new Set(['state', 'list', 'figures', 'checkpoint'])

const TONES: Readonly<Record<CustodyNode['state'], string>> = {
  up: 'good',
  away: 'bad',
  distrusted: 'bad',
}

export function CustodyNodes(props: {
  readonly nodes: readonly CustodyNode[]
  readonly keys: readonly CustodyKey[]
}) {
  const sorted = [...props.nodes].sort(
    (a, b) => a.domain.localeCompare(b.domain) || a.id.localeCompare(b.id),
  )
  return (
    <TableFrame label="Nodes by domain">
      <thead>
        <tr>
          <th scope="col">Domain, node</th>
          <th scope="col">State</th>
          <th scope="col">Shares</th>
          <th scope="col" class="number">
            At hand
          </th>
          <th scope="col" class="number">
            Load
          </th>
          <th scope="col" class="number wide-only">
            Answers in
          </th>
          <th scope="col" class="wide-only">
            Has done
          </th>
        </tr>
      </thead>
      <tbody>
        {sorted.map((node) => (
          <tr key={node.id}>
            <th scope="row">
              {node.domain}
              {node.domain !== node.id && <span class="second-line">{node.id}</span>}
            </th>
            <td>
              <span class={`badge badge-${TONES[node.state]}`}>{node.state}</span>
            </td>
            <td class="sentence">
              <Shares node={node} keys={props.keys} />
            </td>
            <td class="number">{cacheText(node)}</td>
            <td class="number">{node.load === null ? NONE : text(formatShare(node.load))}</td>
            <td class="number wide-only">
              {node.rttMs === null ? NONE : text(formatMs(node.rttMs))}
            </td>
            <td class="wide-only sentence">{doneText(node)}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}

function Shares(props: { readonly node: CustodyNode; readonly keys: readonly CustodyKey[] }) {
  const held = props.keys.filter(({ holders }) => holders.includes(props.node.id))
  if (held.length === 0) return <>{NONE}</>
  const rest = held.length - SHARES_SHOWN
  return (
    <ul class="chips">
      {held.slice(0, SHARES_SHOWN).map((key) => {
        const verdict = key.drill?.shares.find(({ node }) => node === props.node.id)?.verdict
        return (
          <li key={key.id} class={`badge badge-${toneOf(verdict)}`}>
            {nameOf(key)}
            {verdict !== 'good' && `: ${verdict ?? 'not drilled yet'}`}
          </li>
        )
      })}
      {rest > 0 && <li>and {formatCount(rest)} more</li>}
    </ul>
  )
}

function cacheText({ cache }: CustodyNode): string {
  const all = cache === null ? 0 : cache.hits + cache.misses
  return cache === null || all === 0 ? NONE : text(formatShare(cache.hits / all))
}

function doneText({ operations, unanswered }: CustodyNode): string {
  const done = operations
    .filter(({ operation }) => !LOOKS.has(operation))
    .slice(0, OPERATIONS_SHOWN)
    .map(({ operation, count }) => `${operation} ${formatCount(count)}`)
  if (unanswered > 0) done.push(`${plural(unanswered, 'request')} unanswered`)
  return done.join(', ') || NONE
}
