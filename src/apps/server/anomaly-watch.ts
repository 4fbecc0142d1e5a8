/**
 * Watches the series of servers and listeners while Limen runs (`flows/watch-series.ts`). What is found goes to the log, the
 * admin API and `/metrics`; where the pool asks for it, a server it was found at is checked at once. Nothing is taken out of
 * service by a finding: that is for the check.
 *
 * @module
 */
import type { Log } from '../../adapters/node/json-log.ts'
import {
  keptSeries,
  openSeriesWatch,
  type SeriesFinding,
  type SeriesWatch,
  watchStep,
} from '../../flows/watch-series.ts'
import type { Clock } from '../../ground/clock.ts'
import type { DataPlane } from '../../ports/data-plane.ts'
import type { ForecastStore } from '../../ports/forecast-store.ts'
import { atMultiples } from './step-timer.ts'

/** A series as it is shown. */
export interface SeriesState {
  readonly series: string
  /** When its last step ended, milliseconds since the Unix epoch. */
  readonly at: number
  /** null: unknown. */
  readonly value: number | null
  /** Digits of surprise at it. */
  readonly score: number
  /** Whether it did what it never did within the last {@link SHOWN_STEPS} steps. */
  readonly anomalous: boolean
}

export interface AnomalyWatch {
  list(): readonly SeriesState[]
  /** The newest first. */
  findings(): readonly SeriesFinding[]
  /** Stops, and keeps what was learned. */
  close(): Promise<void>
}

export interface AnomalyWatchOptions {
  readonly plane: Pick<DataPlane, 'upstreams' | 'traffic' | 'workers' | 'checkServer'>
  readonly clock: Clock
  readonly log: Log
  /** What was learned is kept there; without it, learned anew at each start. */
  readonly store: Pick<ForecastStore, 'loadSeries' | 'saveSeries'> | undefined
  /** Whether a server of that pool is checked at once when something is found at it. */
  probes(pool: string): boolean
  readonly stepS: number
  /** Calls `look` at each whole multiple of `ms` since the epoch, a little late; a timer without it. */
  readonly every?: (ms: number, look: () => void) => () => void
}

/** A quarter of an hour of minutes: seen by who scrapes or looks now and then. */
const SHOWN_STEPS = 15
/** An hour of minutes: 62 KB a series are written then. */
const KEPT_EVERY_STEPS = 60

export async function watchAnomalies(options: AnomalyWatchOptions): Promise<AnomalyWatch> {
  const { plane, clock, log, store, probes, stepS, every = atMultiples } = options
  const unread = (error: unknown) => {
    log.error({ err: error }, 'Cannot read what was learned of series: learned anew')
    return []
  }
  const watch = openSeriesWatch(await store?.loadSeries().catch(unread))
  let isFull = false
  let steps = 0
  let keeping: Promise<void> | undefined
  const keepNow = async (): Promise<void> => {
    await store?.saveSeries(keptSeries(watch)).catch((error: unknown) => {
      log.error({ err: error }, 'What was learned of series cannot be kept')
    })
    keeping = undefined
  }
  const keep = (): Promise<void> => {
    keeping ??= keepNow()
    return keeping
  }
  const stop = every(stepS * 1000, () => {
    if (++steps % KEPT_EVERY_STEPS === 0) void keep()
    // Without a worker nobody counts.
    if (!plane.workers().some(({ state }) => state === 'serving')) {
      watch.last = undefined
      return
    }
    const { listeners } = plane.traffic()
    const counters = { atS: clock.now() / 1000, servers: plane.upstreams(), listeners }
    const probed = new Set<string>()
    for (const { series, value, score, reasons, server } of watchStep(watch, counters, stepS)) {
      const key = server && `${server.pool}/${server.id}`
      if (server && key && !probed.has(key) && probes(server.pool)) {
        if (plane.checkServer(server.pool, server.id)) probed.add(key)
      }
      const isProbed = key !== undefined && probed.has(key)
      log.warn({ series, value, score, reasons, probed: isProbed }, 'Series does what it never did')
    }
    if (watch.unwatched > 0 && !isFull) {
      log.warn({ unwatched: watch.unwatched }, 'More series than are watched for anomalies')
    }
    isFull = watch.unwatched > 0
  })
  return {
    list: () => statesOf(watch, clock.now(), stepS),
    findings: () => watch.findings.toReversed(),
    async close() {
      stop()
      await keeping
      await keep()
    },
  }
}

function statesOf({ series }: SeriesWatch, now: number, stepS: number): readonly SeriesState[] {
  const since = now - SHOWN_STEPS * stepS * 1000
  return [...series]
    .flatMap(([name, { at, value, score, foundAt = Number.NEGATIVE_INFINITY }]) =>
      at === undefined ? [] : [{ series: name, at, value, score, anomalous: foundAt > since }],
    )
    .sort((a, b) => (a.series < b.series ? -1 : 1))
}
