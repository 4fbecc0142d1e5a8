/**
 * Where shares should be: what a placement that was worked out is worth, and the moves it takes, before they are made.
 *
 * @module
 */
import type { CustodyPlan } from '../api/views.ts'
import { formatMoment, formatMs, NONE, plural, text } from '../format.ts'
import { TableFrame } from './table-frame.tsx'

const TONES: Readonly<Record<string, string>> = { moved: 'good', failed: 'bad', unsafe: 'bad' }

export function CustodyPlanPanel({ plan }: { readonly plan: CustodyPlan }) {
  const { mode, at, by, costMs, plannedMs, boundMs, isWorthIt, moves } = plan
  if (mode === 'off') return <p class="quiet">Off: set custody.placement.mode.</p>
  if (at === null) {
    return <p class="quiet">Worked out every quarter of an hour once keys are used.</p>
  }
  return (
    <>
      <p>
        <strong>
          {moves.length === 0 ? 'Shares are where they should be' : plural(moves.length, 'move')}
        </strong>
        {moves.length > 0 && (isWorthIt ? ', worth it' : ', not worth it')}. The mean operation
        takes {msText(costMs)}
        {moves.length > 0 && `, ${msText(plannedMs)} after them`}
        {boundMs !== null && `; no placement is below ${msText(boundMs)}`}.
      </p>
      <p class="quiet">
        {mode === 'plan' && 'Nothing is moved: custody.placement.mode is plan. '}
        {by === 'greedy' && 'Without the solver, which has failed: about 1 % worse. '}
        Worked out {formatMoment(at)}.
      </p>
      {moves.length > 0 && (
        <TableFrame label="Moves">
          <thead>
            <tr>
              <th scope="col">Share of</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {moves.map(({ key, from, to, outcome }) => (
              <tr key={`${key} ${from} ${to}`}>
                <th scope="row">{key}</th>
                <td>{from}</td>
                <td>{to}</td>
                <td>
                  <span class={`badge badge-${TONES[outcome ?? ''] ?? 'plain'}`}>
                    {outcome ?? 'planned'}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </TableFrame>
      )}
    </>
  )
}

function msText(ms: number | null): string {
  return ms === null ? NONE : text(formatMs(ms))
}
