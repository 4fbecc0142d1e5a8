/**
 * The state of a server or worker, as a word with a dot.
 *
 * @module
 */
import type { ServerState, WorkerView } from '../../../ports/data-plane.ts'

type State = ServerState | WorkerView['state']

const TONES: Readonly<Record<State, 'good' | 'warn' | 'bad'>> = {
  up: 'good',
  serving: 'good',
  starting: 'warn',
  draining: 'warn',
  ejected: 'bad',
  down: 'bad',
  dead: 'bad',
}

export function StateBadge(props: { readonly state: State }) {
  return <span class={`badge badge-${TONES[props.state]}`}>{props.state}</span>
}
