/**
 * A panel over the right side of the page: a modal dialog, so focus and Escape are the browser's.
 *
 * @module
 */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export function Drawer(props: {
  readonly title: string
  readonly children: ComponentChildren
  onClose(): void
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const opener = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      class="drawer"
      closedby="any"
      aria-labelledby="drawer-title"
      onClose={props.onClose}
    >
      <header>
        <h2 id="drawer-title">{props.title}</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      <div class="drawer-body">{props.children}</div>
    </dialog>
  )
}
