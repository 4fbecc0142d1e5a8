/**
 * Asks once more before something that cannot be taken back. Escape is no.
 *
 * @module
 */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export function ConfirmDialog(props: {
  readonly title: string
  /** What the button says that does it. */
  readonly action: string
  readonly children: ComponentChildren
  onAnswer(isSure: boolean): void
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const answer = useRef(false)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      class="sign-in"
      aria-labelledby="confirm-title"
      onClose={() => props.onAnswer(answer.current)}
    >
      <h2 id="confirm-title">{props.title}</h2>
      {props.children}
      <p class="actions">
        <button
          type="button"
          class="primary"
          onClick={() => {
            answer.current = true
            dialog.current?.close()
          }}
        >
          {props.action}
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </p>
    </dialog>
  )
}
