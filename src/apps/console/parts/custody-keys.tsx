/**
 * The keys in custody: how many nodes use one together, who holds it, what the last drill said, and how much it is used.
 *
 * @module
 */
import type { CustodyKey } from '../api/views.ts'
import { nameOf, toneOf } from '../bad-shares.ts'
import { formatCount, formatMoment, formatRate, NONE, plural } from '../format.ts'
import { Notice } from './notice.tsx'
import { TableFrame } from './table-frame.tsx'

export function CustodyKeys({ keys }: { readonly keys: readonly CustodyKey[] }) {
  if (keys.length === 0) {
    return (
      <Notice title="No keys seen yet">
        <p>Nodes are asked for them once a minute.</p>
      </Notice>
    )
  }
  return (
    <TableFrame label="Keys">
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Shares</th>
          <th scope="col">Last drill</th>
          <th scope="col">Used</th>
          <th scope="col" class="number">
            A minute
          </th>
          <th scope="col" class="number">
            Expected
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <th scope="row">
              {nameOf(key)}
              <span class="second-line">{key.type}</span>
            </th>
            <td>
              {formatCount(key.threshold)} of {formatCount(key.holders.length)}, generation{' '}
              {formatCount(key.generation)}
              <span class="second-line">{sharesText(key)}</span>
            </td>
            <td>
              <LastDrill drill={key.drill} />
            </td>
            <td>
              {key.uses.length === 0
                ? NONE
                : key.uses.map(({ operation, count }) => (
                    <div key={operation}>
                      {operation} {formatCount(count)}
                    </div>
                  ))}
            </td>
            <td class="number">
              {key.uses.map(({ operation, perMinute }) => (
                <div key={operation}>{perMinute === null ? NONE : formatRate(perMinute)}</div>
              ))}
            </td>
            <td class="number">
              {key.uses.map(({ operation, expectedPerMinute }) => (
                <div key={operation}>{formatRate(expectedPerMinute)}</div>
              ))}
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}

function LastDrill({ drill }: Pick<CustodyKey, 'drill'>) {
  if (drill === null) return <span class="badge badge-plain">not yet</span>
  return (
    <>
      <span class={`badge badge-${toneOf(drill.verdict)}`}>{drill.verdict}</span>
      <span class="second-line">{formatMoment(drill.at)}</span>
    </>
  )
}

function sharesText({ holders, present, isSafe }: CustodyKey): string {
  const missing = holders.length - present
  const words = missing > 0 ? [`${plural(missing, 'holder')} without it`] : []
  if (!isSafe) words.push('one domain may not be lost')
  return words.join(', ') || holders.join(', ')
}
