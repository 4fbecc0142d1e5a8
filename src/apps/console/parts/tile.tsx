/**
 * One figure with its name, its unit and a line of context. Its size does not depend on the figure.
 *
 * @module
 */
import type { Quantity } from '../format.ts'

export function Tile(props: {
  readonly name: string
  readonly quantity: Quantity
  readonly context: string
  /** How much attention it asks for. */
  readonly tone?: 'plain' | 'warn' | 'bad'
}) {
  return (
    <div class={`tile tone-${props.tone ?? 'plain'}`}>
      <dt>{props.name}</dt>
      <dd>
        <span class="figure">{props.quantity.value}</span>{' '}
        <span class="unit">{props.quantity.unit}</span>
        <span class="context">{props.context}</span>
      </dd>
    </div>
  )
}
