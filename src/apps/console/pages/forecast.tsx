/**
 * The load of each pool as it was and as it is expected, who says so and why, and how near it comes to what the servers carry;
 * and what goes by forecasts: servers, and keys placed ahead of sessions.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import { usePoll } from '../api/poll.ts'
import type { ForecastCurve, PoolForecast, ScalingView } from '../api/views.ts'
import { EventTable } from '../parts/event-table.tsx'
import { ForecastChart } from '../parts/forecast-chart.tsx'
import { ForecastTable } from '../parts/forecast-table.tsx'
import { ForecastTiles } from '../parts/forecast-tiles.tsx'
import { Notice, Pending } from '../parts/notice.tsx'
import { PlacedKeys } from '../parts/placed-keys.tsx'
import { ScalingPanel } from '../parts/scaling-panel.tsx'
import { Segments } from '../parts/segments.tsx'
import { useSession } from '../session.tsx'

/** New ones come each minute. */
const EVERY_MS = 10_000
/** Pools are looked at every 15 s. */
const SCALING_EVERY_MS = 5000

export function ForecastPage() {
  const session = useSession()
  const path = 'v1/forecasts'
  const { value, failure } = usePoll<readonly PoolForecast[]>(path, EVERY_MS, session.count)
  if (value === undefined && failure?.kind !== 'missing') return <Pending failure={failure} />
  return (
    <>
      {value === undefined ? <Off /> : <Pools forecasts={value} />}
      {/* Of no pool: a key server alone has none. */}
      <PlacedKeys />
    </>
  )
}

function Pools({ forecasts }: { readonly forecasts: readonly PoolForecast[] }) {
  const [chosen, setChosen] = useState('')
  const pool = forecasts.find((one) => one.pool === chosen)?.pool ?? forecasts[0]?.pool
  if (pool === undefined) {
    return (
      <Notice title="No forecasts yet">
        <p>They begin with the first whole minute that a worker serves.</p>
      </Notice>
    )
  }
  return (
    <>
      {forecasts.length > 1 && (
        <div class="bar">
          <Segments<string>
            legend="Pool"
            name="pool"
            segments={forecasts.map((one) => ({ value: one.pool, label: one.pool }))}
            chosen={pool}
            onChoose={setChosen}
          />
        </div>
      )}
      <Pool key={pool} name={pool} />
    </>
  )
}

function Off() {
  return (
    <Notice title="No pool is forecast">
      <p>
        A key server alone has no pools. Where Limen serves some, set <code>forecast.enabled</code>{' '}
        in <code>limen.yaml</code>, and start it again.
      </p>
    </Notice>
  )
}

function Pool({ name }: { readonly name: string }) {
  const session = useSession()
  const path = `v1/forecasts/${encodeURIComponent(name)}`
  const { value, failure } = usePoll<ForecastCurve>(path, EVERY_MS, session.count)
  const { value: scalings } = usePoll<readonly ScalingView[]>(
    'v1/scaling',
    SCALING_EVERY_MS,
    session.count,
  )
  if (value === undefined) return <Pending failure={failure} />
  // None for a pool that is not scaled.
  const scaling = scalings?.find(({ pool }) => pool === name)
  return (
    <>
      <h2>Pool {name}</h2>
      <ForecastTiles forecast={value} />
      <ForecastChart curve={value} counts={scaling?.counts} />
      <p class="quiet">Capacity: {value.capacity.reason}.</p>
      {scaling !== undefined && <ScalingPanel scaling={scaling} />}
      <h2>Horizons</h2>
      <ForecastTable horizons={value.horizons} />
      {value.events.length > 0 && (
        <>
          <h2>Announced events</h2>
          <EventTable events={value.events} />
        </>
      )}
    </>
  )
}
