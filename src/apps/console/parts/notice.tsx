/**
 * What a page shows instead of figures: loading, empty, or why there are none.
 *
 * @module
 */
import type { ComponentChildren } from 'preact'
import type { Failure } from '../api/request.ts'
import { useSession } from '../session.tsx'

export function Notice(props: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="notice">
      <p class="notice-title">{props.title}</p>
      {props.children}
    </div>
  )
}

/** For a page whose first answer has not come, or was a refusal. */
export function Pending(props: { readonly failure: Failure | undefined }) {
  const session = useSession()
  const { failure } = props
  switch (failure?.kind) {
    case undefined:
      return <Notice title="Loading" />
    case 'offline':
      return (
        <Notice title="Limen does not answer">
          <p>It may be starting. This page tries again by itself.</p>
        </Notice>
      )
    case 'unauthorised':
      return (
        <Notice title="You need to sign in to see this">
          <button type="button" class="primary" onClick={() => void session.signIn()}>
            Sign in
          </button>
        </Notice>
      )
    case 'forbidden':
      return (
        <Notice title="Your role does not show this">
          <p>{failure.detail}</p>
          <button type="button" onClick={() => void session.signIn()}>
            Sign in with another token
          </button>
        </Notice>
      )
    case 'missing':
    case 'problem':
      return (
        <Notice title="That did not work">
          <p>{failure.detail}</p>
        </Notice>
      )
  }
}
