/**
 * The load of each pool as it was and as it is expected, who says so and why, and how near it comes to what the servers carry.
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
  const [chosen, setChosen] = useState('')
  if (value === undefined) {
    return failure?.kind === 'missing' ? <Off /> : <Pending failure={failure} />
  }
  const pool = value.find((one) => one.pool === chosen)?.pool ?? value[0]?.pool
  if (pool === undefined) {
    return (
      <Notice title="No forecasts yet">
        <p>They begin with the first whole minute that a worker serves.</p>
      </Notice>
    )
  }
  return (
    <>
      {value.length > 1 && (
        <div class="bar">
          <Segments<string>
            legend="Pool"
            name="pool"
            segments={value.map((one) => ({ value: one.pool, label: one.pool }))}
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
    <Notice title="Forecasts are off">
      <p>
        Set <code>forecast.enabled</code> in <code>limen.yaml</code>, and start Limen again.
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
