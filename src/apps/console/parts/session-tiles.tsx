/**
 * Session keys in six figures.
 *
 * @module
 */
import type { SessionFigures, TrafficPoint } from '../api/views.ts'
import { formatCount, formatRate, NONE } from '../format.ts'
import { Tile } from './tile.tsx'

/** Refusals and keys are shown over this many seconds. */
const RECENT_POINTS = 60
/** A handshake that came to one of these is no failure. */
const OPENED = new Set(['opened', 'repeated'])

export function SessionTiles(props: {
  readonly figures: SessionFigures
  readonly points: readonly TrafficPoint[]
}) {
  const { figures, points } = props
  const { opened } = figures
  const recent = points.slice(-RECENT_POINTS)
  const checks = points.map((point) => point.sessionChecks.passed)
  const refused = sum(recent.map((point) => point.sessionChecks.refused))
  const suspected = sum(recent.map(({ sessionKeys: { security = 0 } }) => security))
  const keys = sum(recent.flatMap((point) => Object.values(point.sessionKeys)))
  const failed = opened?.handshakes.filter(({ result }) => !OPENED.has(result)) ?? []
  const { session = 0, subject = 0, group = 0 } = opened?.revocations ?? {}
  return (
    <dl class="tiles">
      <Tile
        name="Sessions"
        quantity={{ value: opened === undefined ? NONE : formatCount(opened.sessions), unit: '' }}
        context={opened === undefined ? 'at the key server' : 'whose keys are good'}
      />
      <Tile
        name="Requests under a key"
        quantity={{ value: formatRate(checks.at(-1) ?? 0), unit: '/s' }}
        context={`highest ${formatRate(Math.max(0, ...checks))}`}
      />
      <Tile
        name="Refused"
        quantity={{ value: formatCount(refused), unit: '' }}
        context="in the last minute"
        tone={refused > 0 ? 'warn' : 'plain'}
      />
      <Tile
        name="New keys"
        quantity={{ value: opened === undefined ? NONE : formatCount(keys), unit: '/min' }}
        context={`${formatCount(suspected)} on suspicion`}
        tone={suspected > 0 ? 'warn' : 'plain'}
      />
      <Tile
        name="Not opened"
        quantity={{
          value: opened === undefined ? NONE : formatCount(sum(failed.map(({ count }) => count))),
          unit: '',
        }}
        context={mostFrequent(failed) ?? 'since start'}
      />
      <Tile
        name="Revocations"
        quantity={{
          value: opened === undefined ? NONE : formatCount(session + subject + group),
          unit: '',
        }}
        context="since start"
      />
    </dl>
  )
}

function mostFrequent(
  failed: readonly { readonly result: string; readonly count: number }[],
): string | undefined {
  const [first] = failed.toSorted((one, other) => other.count - one.count)
  return first && `mostly ${first.result}`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
