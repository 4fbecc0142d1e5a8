/**
 * The newest second in six figures.
 *
 * @module
 */
import type { TrafficPoint } from '../api/views.ts'
import { formatCount, formatMs, formatRate, formatShare, NONE, text } from '../format.ts'
import { latencyOf, responsesOf } from '../traffic-series.ts'
import { Tile } from './tile.tsx'

/** A second is short: errors and tiers are shown over this many. */
const RECENT_POINTS = 60
/** Shares from which a tile asks for attention. */
const WARN_SHARE = 0.001
const BAD_SHARE = 0.01

export function TrafficTiles(props: { readonly points: readonly TrafficPoint[] }) {
  const { points } = props
  const recent = points.slice(-RECENT_POINTS)
  const last = points.at(-1)
  const answered = points.findLast((point) => responsesOf(point) > 0)
  const responses = sum(recent.map(responsesOf))
  const failures = sum(recent.map((point) => point.responses[5] ?? 0))
  const decisions = sum(recent.map((point) => sum(point.tiers.slice(1))))
  const suspicious = sum(recent.map((point) => (point.tiers[2] ?? 0) + (point.tiers[3] ?? 0)))
  const failureShare = responses === 0 ? 0 : failures / responses
  const median = answered === undefined ? null : latencyOf(answered, answered.p50)
  return (
    <dl class="tiles">
      <Tile
        name="Requests"
        quantity={{ value: formatRate(last?.requestsPerSecond ?? 0), unit: '/s' }}
        context={`highest ${formatRate(highest(points.map((point) => point.requestsPerSecond)))}`}
      />
      <Tile
        name="Latency p99"
        quantity={formatMs(answered?.p99 ?? Number.NaN)}
        context={`median ${median === null ? NONE : text(formatMs(median))}`}
      />
      <Tile
        name="Server errors"
        quantity={formatShare(failureShare)}
        context={`${formatCount(Math.round(failures))} in the last minute`}
        tone={failureShare >= BAD_SHARE ? 'bad' : failureShare >= WARN_SHARE ? 'warn' : 'plain'}
      />
      <Tile
        name="Connections"
        quantity={{ value: formatCount(last?.connectionsOpen ?? 0), unit: 'open' }}
        context={`highest ${formatCount(highest(points.map((point) => point.connectionsOpen)))}`}
      />
      <Tile
        name="Handshakes"
        quantity={{ value: formatRate(last?.handshakesPerSecond ?? 0), unit: '/s' }}
        context={`highest ${formatRate(highest(points.map((point) => point.handshakesPerSecond)))}`}
      />
      <Tile
        name="Tiers 2 and 3"
        quantity={formatShare(decisions === 0 ? 0 : suspicious / decisions)}
        context={`${formatCount(Math.round(suspicious))} in the last minute`}
        tone={suspicious > 0 ? 'warn' : 'plain'}
      />
    </dl>
  )
}

function sum(values: readonly (number | null | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0)
}

function highest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}
