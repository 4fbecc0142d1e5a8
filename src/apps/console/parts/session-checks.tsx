/**
 * What checks of session keys came to, by code, since start.
 *
 * @module
 */
import { formatCount, formatShare, text } from '../format.ts'
import { resultsOf } from '../session-results.ts'
import { Notice } from './notice.tsx'
import { TableFrame } from './table-frame.tsx'

export function SessionChecks(props: { readonly checks: Readonly<Record<string, number>> }) {
  const results = resultsOf(props.checks)
  const all = results.reduce((sum, { count }) => sum + count, 0)
  return (
    <>
      <h2>Checks</h2>
      {results.length === 0 ? (
        <Notice title="No request has been checked">
          <p>
            Routes with <code>sessionKey: required</code> or <code>optional</code> are looked at.
          </p>
        </Notice>
      ) : (
        <TableFrame label="Checks">
          <thead>
            <tr>
              <th scope="col">Result</th>
              <th scope="col" class="wide-only">
                Meaning
              </th>
              <th scope="col" class="number">
                Requests
              </th>
              <th scope="col" class="number">
                Share
              </th>
            </tr>
          </thead>
          <tbody>
            {results.map(({ code, text: meaning, tone, count }) => (
              <tr key={code}>
                <th scope="row">
                  <code class={`badge badge-${tone}`}>{code}</code>
                </th>
                <td class="wide-only sentence">{meaning}</td>
                <td class="number">{formatCount(count)}</td>
                <td class="number">{text(formatShare(count / all))}</td>
              </tr>
            ))}
          </tbody>
        </TableFrame>
      )}
    </>
  )
}
