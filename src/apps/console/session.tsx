/**
 * Who is asking: a sign-in dialog that any change may call for. The token goes to POST /v1/login once
 * and becomes a session: a cookie that scripts cannot read, and a path that only this origin knows.
 *
 * @module
 */
import { type ComponentChildren, createContext } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import { sendJson } from './api/request.ts'
import { keepSessionPath } from './api/session-path.ts'

export interface Session {
  /** Counts sign-ins, so that what was refused is asked again. */
  readonly count: number
  /** Opens the dialog; resolves with whether somebody signed in. */
  signIn(): Promise<boolean>
}

const SessionContext = createContext<Session>({ count: 0, signIn: async () => false })

export function useSession(): Session {
  return useContext(SessionContext)
}

export function SessionProvider(props: { readonly children: ComponentChildren }) {
  const [count, setCount] = useState(0)
  const [open, setOpen] = useState(false)
  const waiting = useRef<(signedIn: boolean) => void>(() => {})

  const signIn = (): Promise<boolean> => {
    setOpen(true)
    return new Promise((resolve) => {
      waiting.current = resolve
    })
  }
  const finish = (signedIn: boolean): void => {
    setOpen(false)
    if (signedIn) setCount((before) => before + 1)
    waiting.current(signedIn)
  }
  return (
    <SessionContext.Provider value={{ count, signIn }}>
      {props.children}
      {open && <SignInDialog onFinish={finish} />}
    </SessionContext.Provider>
  )
}

function SignInDialog(props: { onFinish(signedIn: boolean): void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [token, setToken] = useState('')
  const [error, setError] = useState('')
  useEffect(() => dialog.current?.showModal(), [])

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    const body = { token: token.trim() }
    const outcome = await sendJson<{ readonly path: string }>('POST', 'v1/login', body)
    if (outcome.kind === 'ok') {
      keepSessionPath(outcome.value.path)
      props.onFinish(true)
    } else if (outcome.failure.kind === 'offline') setError('Limen does not answer')
    else if (outcome.failure.kind === 'unauthorised') setError('That token is not known')
    else setError(outcome.failure.detail)
  }
  return (
    <dialog
      ref={dialog}
      class="sign-in"
      aria-labelledby="sign-in-title"
      onClose={() => props.onFinish(false)}
    >
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="sign-in-title">Sign in</h2>
        <p class="quiet">
          Limen made an admin token on first start. It is in the file <code>admin-token</code> of
          its data folder.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          required
          value={token}
          aria-invalid={error !== ''}
          aria-describedby="token-error"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <p id="token-error" class="error" role="alert">
          {error}
        </p>
        <p class="actions">
          <button type="submit" class="primary">
            Sign in
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </p>
      </form>
    </dialog>
  )
}
