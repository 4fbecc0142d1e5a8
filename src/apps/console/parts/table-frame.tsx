/**
 * A table that scrolls sideways in its own frame when the window is too narrow, also by keyboard.
 *
 * @module
 */
import type { ComponentChildren } from 'preact'

export function TableFrame(props: {
  readonly label: string
  /** On a narrow window each row is a card. */
  readonly cards?: boolean
  readonly children: ComponentChildren
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section class="table-frame" aria-label={props.label} tabIndex={0}>
      <table class={props.cards === true ? 'data cards' : 'data'}>{props.children}</table>
    </section>
  )
}
