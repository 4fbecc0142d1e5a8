/**
 * A pool's forecast in six figures.
 *
 * @module
 */
import type { PoolForecast } from '../api/views.ts'
import { formatDuration, formatRate, formatShare, NONE } from '../format.ts'
import { Tile } from './tile.tsx'

/** From this share of its capacity on a pool asks for attention, and from this one it has too little. */
const NEAR_SHARE = 0.8
const FULL_SHARE = 1

export function ForecastTiles({ forecast }: { readonly forecast: PoolForecast }) {
  const { now, horizons, capacity } = forecast
  // The middle one: a quarter of an hour.
  const ahead = horizons[Math.floor(horizons.length / 2)]
  const inTime = ahead === undefined ? '' : `in ${formatDuration(ahead.aheadS * 1000)}`
  const share = capacity.shareAhead
  return (
    <dl class="tiles">
      <Tile name="Now" quantity={{ value: rateOf(now), unit: '/s' }} context="in the last step" />
      <Tile
        name="Expected"
        quantity={{ value: rateOf(ahead?.expected), unit: '/s' }}
        context={inTime}
      />
      <Tile
        name="P95"
        quantity={{ value: rateOf(ahead?.high), unit: '/s' }}
        context="95 % stay below"
      />
      <Tile
        name="Error"
        quantity={typeof ahead?.error === 'number' ? formatShare(ahead.error) : UNKNOWN}
        context={ahead?.model ?? ''}
      />
      <Tile
        name="Capacity used"
        quantity={capacity.shareNow === null ? UNKNOWN : formatShare(capacity.shareNow)}
        context={
          capacity.requestsPerSecond === null
            ? 'capacity not known'
            : `of ${formatRate(capacity.requestsPerSecond)} /s`
        }
      />
      <Tile
        name="Used at most"
        quantity={share === null ? UNKNOWN : formatShare(share)}
        context="P95, next 15 steps"
        tone={share === null || share < NEAR_SHARE ? 'plain' : share < FULL_SHARE ? 'warn' : 'bad'}
      />
    </dl>
  )
}

function rateOf(rate: number | null | undefined): string {
  return typeof rate === 'number' ? formatRate(rate) : NONE
}

const UNKNOWN = { value: NONE, unit: '' }
