/**
 * Sessions that went from one server to another: why, and what came of it. Nothing while there were none.
 *
 * @module
 */
import { formatCount } from '../format.ts'
import { handoffsOf } from '../session-results.ts'
import { TableFrame } from './table-frame.tsx'

export function SessionHandoffs(props: { readonly handoffs: Readonly<Record<string, number>> }) {
  const handoffs = handoffsOf(props.handoffs)
  if (handoffs.length === 0) return null
  return (
    <>
      <h2>Handoffs</h2>
      <TableFrame label="Handoffs">
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">Result</th>
            <th scope="col" class="wide-only">
              Meaning
            </th>
            <th scope="col" class="number">
              Sessions
            </th>
          </tr>
        </thead>
        <tbody>
          {handoffs.map(({ reason, result, text, tone, count }) => (
            <tr key={`${reason}/${result}`}>
              <th scope="row">{reason}</th>
              <td>
                <code class={`badge badge-${tone}`}>{result}</code>
              </td>
              <td class="wide-only sentence">{text}</td>
              <td class="number">{formatCount(count)}</td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </>
  )
}
