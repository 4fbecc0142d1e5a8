/**
 * Forecasts the load of each pool while Limen runs: counts at the end of each step, has models fitted in a thread when that is
 * due, keeps what was learned. Nothing here is in the way of a request: it reads counters that the supervisor has anyway.
 *
 * @module
 */
import type { Log } from '../../adapters/node/json-log.ts'
import { tellCalendar } from '../../flows/announced-events.ts'
import { explainForecast, type ForecastView, isProven } from '../../flows/explain-forecast.ts'
import {
  keptOf,
  LOAD_FORECAST_DEFAULTS,
  type LoadForecasts,
  noteLoad,
  openLoadForecasts,
  type ServerReport,
} from '../../flows/forecast-load.ts'
import { type LoadLimit, limitOf } from '../../forecast/capacity.ts'
import { adoptFit, fitDue, fitJob } from '../../forecast/forecaster.ts'
import type { Clock } from '../../ground/clock.ts'
import { growthOf, type LogHistogram, quantileIn } from '../../math/log-histogram.ts'
import type { DataPlane, UpstreamView } from '../../ports/data-plane.ts'
import type { ForecastStore, KeptForecast } from '../../ports/forecast-store.ts'
import type { LoadOutlook } from '../../ports/load-outlook.ts'
import { saidCpu } from '../../ports/said-load.ts'
import type { EventDesk } from './event-desk.ts'
import type { FitForecast } from './forecast-fitting.ts'
import { atMultiples } from './step-timer.ts'

export interface LoadForecast {
  /** Of the pools there are now, by name, those without a counted step left out. */
  list(): readonly ForecastView[]
  /** Of the pool that is nearest to its capacity; undefined while of none both capacity and forecast can be trusted. */
  outlook(): LoadOutlook | undefined
  /** What each server of a pool was seen to carry, by its id. */
  limits(pool: string): ReadonlyMap<string, LoadLimit>
  /** Stops, and keeps what is known. */
  close(): Promise<void>
}

export interface LoadForecastOptions {
  readonly plane: Pick<DataPlane, 'upstreams' | 'workers'>
  readonly clock: Clock
  readonly log: Log
  readonly store: ForecastStore
  readonly fit: FitForecast
  /** What is announced; nothing without it. */
  readonly events?: Pick<EventDesk, 'list' | 'onChange'>
  /** A minute; tests have less time. */
  readonly stepS?: number
  /** Calls `look` at each whole multiple of `ms` since the epoch, a little late; a timer without it. */
  readonly every?: (ms: number, look: () => void) => () => void
}

/** What is lost when the process is killed; 0.28 MB a pool are written then. */
const KEPT_EVERY_STEPS = 5
/** After a fit that failed, the next is tried so many steps later: an hour. */
const RETRY_STEPS = 60

export async function forecastLoad(options: LoadForecastOptions): Promise<LoadForecast> {
  const { clock, log, store, stepS = LOAD_FORECAST_DEFAULTS.forecaster.stepS } = options
  const settings = {
    ...LOAD_FORECAST_DEFAULTS,
    forecaster: { ...LOAD_FORECAST_DEFAULTS.forecaster, stepS },
  }
  const kept = await store.load().catch((error: unknown) => {
    log.error({ err: error }, 'Cannot read the forecasts that were kept')
    return []
  })
  const opened = openLoadForecasts(kept, clock.now() / 1000, settings)
  if (opened.unusable.length > 0) {
    log.warn(
      { pools: opened.unusable },
      'Forecasts were kept too long ago, or by another Limen: begun anew',
    )
  }
  return new RunningForecast(options, opened.forecasts, kept)
}

class RunningForecast implements LoadForecast {
  readonly #options: LoadForecastOptions
  readonly #forecasts: LoadForecasts
  readonly #stepMs: number
  readonly #stop: () => void
  /** As of the last step: looking at all samples of all servers is for once a step. */
  #views: readonly ForecastView[] = []
  #steps = 0
  #isFitting = false
  #retryAtStep = 0
  #keeping: Promise<void> | undefined
  /** Pools that storage may hold. */
  #stored: ReadonlySet<string>
  #isToldUnkept = false
  /** Of each server, at the end of the step before. */
  #latencies: ReadonlyMap<string, LogHistogram> = new Map()

  constructor(
    options: LoadForecastOptions,
    forecasts: LoadForecasts,
    kept: readonly KeptForecast[],
  ) {
    const { every = atMultiples } = options
    this.#options = options
    this.#forecasts = forecasts
    this.#stepMs = forecasts.options.forecaster.stepS * 1000
    this.#stored = new Set(kept.map(({ pool }) => pool))
    this.#tell()
    this.#explain()
    this.#stop = every(this.#stepMs, () => this.#look())
    options.events?.onChange(() => {
      this.#tell()
      this.#explain()
    })
  }

  list(): readonly ForecastView[] {
    const pools = new Set(this.#options.plane.upstreams().map(({ pool }) => pool))
    return this.#views.filter(({ summary }) => pools.has(summary.pool))
  }

  outlook(): LoadOutlook | undefined {
    const now = this.#options.clock.now()
    let found: LoadOutlook | undefined
    for (const { summary } of this.list()) {
      const { shareNow, shareAhead, shareAheadS } = summary.capacity
      const isOver = Math.abs(now - summary.at) > 2 * this.#stepMs
      if (shareAhead === null || shareNow === null || isOver || !isProven(summary)) continue
      if (found !== undefined && Math.max(found.now, found.ahead) >= Math.max(shareNow, shareAhead))
        continue
      const aheadS = Math.max(0, shareAheadS + (summary.at - now) / 1000)
      found = { now: shareNow, ahead: shareAhead, aheadS, at: now }
    }
    return found
  }

  limits(pool: string): ReadonlyMap<string, LoadLimit> {
    const samples = this.#forecasts.pools.get(pool)?.samples ?? []
    return new Map([...samples].map(([id, of]) => [id, limitOf(of)]))
  }

  async close(): Promise<void> {
    this.#stop()
    await this.#keeping
    await this.#keep()
  }

  #look(): void {
    const { plane, clock } = this.#options
    this.#tell()
    const isServed = plane.workers().some(({ state }) => state === 'serving')
    const servers = plane.upstreams()
    const nowS = clock.now() / 1000
    noteLoad(
      this.#forecasts,
      nowS,
      isServed ? reportsOf(servers, this.#latencies, nowS) : undefined,
    )
    this.#latencies = new Map(servers.map((one) => [keyOf(one), one.latencyCounts]))
    this.#steps++
    this.#explain()
    void this.#fitDue()
    if (this.#steps % KEPT_EVERY_STEPS === 0) void this.#keep()
  }

  /** Of what is announced, before a step is over: what is said of the next ones then goes by it. */
  #tell(): void {
    const { events, clock } = this.#options
    if (events === undefined) return
    const announced = events.list()
    for (const { pool, forecaster } of this.#forecasts.pools.values()) {
      tellCalendar(forecaster.calendar, pool, announced, clock.now() / 1000)
    }
  }

  #explain(): void {
    const counted = [...this.#forecasts.pools.values()]
      .filter(({ forecaster }) => forecaster.series.total > 0)
      .sort((a, b) => (a.pool < b.pool ? -1 : 1))
    this.#views = counted.map(explainForecast)
  }

  /** One pool after the other. */
  async #fitDue(): Promise<void> {
    if (this.#isFitting || this.#steps < this.#retryAtStep) return
    this.#isFitting = true
    try {
      for (const { forecaster } of this.#forecasts.pools.values()) {
        if (fitDue(forecaster)) adoptFit(forecaster, await this.#options.fit(fitJob(forecaster)))
      }
    } catch (error) {
      this.#retryAtStep = this.#steps + RETRY_STEPS
      this.#options.log.error({ err: error }, 'Forecast models were not fitted: the old ones go on')
    } finally {
      this.#isFitting = false
    }
  }

  /** What is still being written is waited for, not queued behind: the next round writes what is known then. */
  #keep(): Promise<void> {
    this.#keeping ??= this.#keepNow().finally(() => {
      this.#keeping = undefined
    })
    return this.#keeping
  }

  async #keepNow(): Promise<void> {
    const { store, log } = this.#options
    const { pools } = this.#forecasts
    try {
      await store.remove([...this.#stored].filter((pool) => !pools.has(pool)))
      this.#stored = new Set(pools.keys())
      for (const pool of pools.values()) await store.save(keptOf(pool))
      this.#isToldUnkept = false
    } catch (error) {
      if (this.#isToldUnkept) return
      this.#isToldUnkept = true
      log.error({ err: error }, 'Forecasts cannot be kept: the next start will not know them')
    }
  }
}

function reportsOf(
  servers: readonly UpstreamView[],
  before: ReadonlyMap<string, LogHistogram>,
  nowS: number,
): readonly ServerReport[] {
  return servers.map((server) => {
    const { pool, id, requests, failures, latencyCounts, state, weight } = server
    const p99Ms = quantileIn(growthOf(before.get(keyOf(server)), latencyCounts), 0.99)
    const cpu = saidCpu(server, nowS * 1000)
    return {
      ...{ pool, id, requests, failures, p99Ms: Number.isNaN(p99Ms) ? 0 : p99Ms },
      ...(cpu === undefined ? {} : { cpu }),
      isServing: state === 'up' && weight > 0,
    }
  })
}

const keyOf = ({ pool, id }: UpstreamView): string => `${pool}/${id}`
