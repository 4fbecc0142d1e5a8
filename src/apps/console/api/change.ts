/**
 * A change through the admin API, by somebody who may: who is not signed in as an operator is asked to, once.
 *
 * @module
 */
import { useSession } from '../session.tsx'
import { type Failure, sendJson } from './request.ts'

/** Resolves with '' when it was done, else with why not, as the end of a sentence. */
export type Change = (
  method: 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
) => Promise<string>

export function useChange(): Change {
  const session = useSession()
  return async (method, path, body) => {
    let outcome = await sendJson(method, path, body)
    const refused = outcome.kind === 'failed' && needsSignIn(outcome.failure)
    if (refused && (await session.signIn())) outcome = await sendJson(method, path, body)
    return outcome.kind === 'ok' ? '' : sayFailure(outcome.failure)
  }
}

function needsSignIn({ kind }: Failure): boolean {
  return kind === 'unauthorised' || kind === 'forbidden'
}

function sayFailure(failure: Failure): string {
  if (failure.kind === 'offline') return 'Limen does not answer.'
  if (failure.kind === 'unauthorised') return 'this needs an operator to sign in.'
  return `${failure.detail}.`
}
