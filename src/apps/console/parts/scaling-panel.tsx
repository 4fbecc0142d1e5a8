/**
 * How many servers a pool should have, why, and what was done about it.
 *
 * @module
 */
import type { ScalingView } from '../api/views.ts'
import { formatMoment, formatRate, plural } from '../format.ts'
import { TableFrame } from './table-frame.tsx'

/** The last ones; the API has more. */
const ACTIONS_SHOWN = 20

export function ScalingPanel({ scaling }: { readonly scaling: ScalingView }) {
  const { wanted, up, starting, max, mode, perServer, explained, actions } = scaling
  return (
    <>
      <h2>Servers</h2>
      <p>
        <strong>{plural(wanted, 'server')} wanted</strong>, {up} up, {starting} starting, {max} at
        most. {explained}.
      </p>
      <p class="quiet">
        {mode === 'observe' && 'Nothing is done about it: forecast.mode is observe. '}
        {perServer !== null &&
          `Those wanted carry ${formatRate(wanted * perServer)} /s at the utilisation wanted.`}
      </p>
      {actions.length > 0 && (
        <TableFrame label="What was done">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Server</th>
              <th scope="col" class="wide-only">
                Why
              </th>
            </tr>
          </thead>
          <tbody>
            {actions.slice(0, ACTIONS_SHOWN).map(({ at, did, server, why }) => (
              <tr key={`${at} ${did} ${server}`}>
                <td>{formatMoment(at)}</td>
                <td>{did}</td>
                <td>{server}</td>
                <td class="wide-only sentence">{why}</td>
              </tr>
            ))}
          </tbody>
        </TableFrame>
      )}
    </>
  )
}
