/**
 * Signatures in force, and taking one back.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import type { Signature } from '../../../behavior/handshake/signature.ts'
import { useChange } from '../api/change.ts'
import { usePoll } from '../api/poll.ts'
import { formatCount, formatMoment } from '../format.ts'
import { useSession } from '../session.tsx'
import { TableFrame } from './table-frame.tsx'

const EVERY_MS = 3000

export function SignatureTable() {
  const session = useSession()
  const path = 'v1/signatures'
  const { value = [], refresh } = usePoll<readonly Signature[]>(path, EVERY_MS, session.count)
  const change = useChange()
  const [said, setSaid] = useState('')
  const remove = async ({ id }: Signature): Promise<void> => {
    const failed = await change('DELETE', `v1/signatures/${encodeURIComponent(id)}`)
    setSaid(failed === '' ? `Signature ${id} is removed.` : `Signature ${id} stays: ${failed}`)
    refresh()
  }
  return (
    <>
      <h2>Signatures</h2>
      <p class="quiet count" role="status">
        {said ||
          (value.length === 0
            ? 'None. A client marked as bad, or that fails the checks of the rigorous pool, makes one.'
            : 'Confirmed patterns of attack: what matches one is of tier 3.')}
      </p>
      {value.length > 0 && (
        <TableFrame label="Signatures">
          <thead>
            <tr>
              <th scope="col">Matches</th>
              <th scope="col">Confirmed by</th>
              <th scope="col" class="number">
                Hits
              </th>
              <th scope="col" class="wide-only">
                Until
              </th>
              <th scope="col">
                <span class="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {value.map((signature) => (
              <tr key={signature.id}>
                <th scope="row">
                  <code>{Object.values(signature.match).join(' ')}</code>
                  <span class="second-line">{signature.why}</span>
                </th>
                <td>{signature.by}</td>
                <td class="number">{formatCount(signature.hits)}</td>
                <td class="time wide-only">{formatMoment(signature.until)}</td>
                <td class="number">
                  <button type="button" class="steady" onClick={() => void remove(signature)}>
                    Remove<span class="hidden"> signature {signature.id}</span>
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </TableFrame>
      )}
    </>
  )
}
