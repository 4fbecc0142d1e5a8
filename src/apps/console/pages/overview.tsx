/**
 * The overview: the last second in tiles, the last minutes in charts, and who does the work.
 *
 * @module
 */
import { useMemo, useState } from 'preact/hooks'
import type { WorkerView } from '../../../ports/data-plane.ts'
import { usePoll } from '../api/poll.ts'
import { useTraffic } from '../api/traffic.ts'
import type { TrafficPoint } from '../api/views.ts'
import { Pending } from '../parts/notice.tsx'
import { Segments } from '../parts/segments.tsx'
import { TrafficCharts } from '../parts/traffic-charts.tsx'
import { TrafficTiles } from '../parts/traffic-tiles.tsx'
import { WorkersTable } from '../parts/workers-table.tsx'
import { useSession } from '../session.tsx'
import { lastPoints } from '../traffic-series.ts'

const MINUTE_MS = 60_000
const SPANS = [
  { value: MINUTE_MS, label: '1 min' },
  { value: 5 * MINUTE_MS, label: '5 min' },
  { value: 10 * MINUTE_MS, label: '10 min' },
]
const WORKERS_EVERY_MS = 2000

export function OverviewPage() {
  const session = useSession()
  const traffic = useTraffic(session.count)
  const workers = usePoll<readonly WorkerView[]>('v1/workers', WORKERS_EVERY_MS, session.count)
  const [spanMs, setSpanMs] = useState(5 * MINUTE_MS)
  const points = useMemo<readonly TrafficPoint[]>(
    () => lastPoints(traffic.points, spanMs),
    [traffic.points, spanMs],
  )
  if (!traffic.loaded || (traffic.failure !== undefined && points.length === 0)) {
    return <Pending failure={traffic.failure} />
  }
  return (
    <>
      <TrafficTiles points={points} />
      <div class="bar">
        <p class="quiet live" role="status">
          {traffic.state === 'live' ? 'Live, each second' : 'Stream lost, reconnecting'}
        </p>
        <Segments<number>
          legend="Time span"
          name="span"
          segments={SPANS}
          chosen={spanMs}
          onChoose={(chosen) => setSpanMs(chosen)}
        />
      </div>
      <TrafficCharts points={points} spanMs={spanMs} />
      {workers.value !== undefined && <WorkersTable workers={workers.value} />}
    </>
  )
}
