/**
 * The load of each pool of servers, forecast from the counters that the supervisor keeps of it: one forecaster per pool, fed
 * with requests per step, and what its servers were seen to carry. Says who speaks for a forecast and why, how far it was off
 * lately, and, where the capacity of a pool is known, the share of it that is used and will be.
 *
 * A step that nobody reported on is unknown; one with a report and no request is zero. A request tried on two servers counts
 * twice, as it does for them. Fitting is the caller's, elsewhere (`fitDue`, `fitJob`, `adoptFit` of the forecaster).
 *
 * @module
 */
import type { LoadSample } from '../forecast/capacity.ts'
import {
  addToForecaster,
  FORECASTER_DEFAULTS,
  type ForecasterOptions,
  type ForecasterState,
  openForecaster,
  passTime,
} from '../forecast/forecaster.ts'
import { resumeForecaster } from '../forecast/resume-forecaster.ts'
import type { KeptForecast } from '../ports/forecast-store.ts'

/** Counters of one server since it was started, and how it is now. */
export interface ServerReport {
  readonly pool: string
  readonly id: string
  readonly requests: number
  readonly failures: number
  /** 99th percentile of the times to first byte since the report before, ms; 0: of no request. */
  readonly p99Ms: number
  /** What it says of its CPU; a share. */
  readonly cpu?: number
  /** Whether new requests are sent there. */
  readonly isServing: boolean
}

export interface LoadForecastOptions {
  readonly forecaster: ForecasterOptions
  /** Pools forecast; those met later are not. */
  readonly poolsMax: number
}

/** A pool takes 0.28 MB with three weeks of minutes (`bench -- forecast`, 2026-11-21): 18 MB for all. */
export const LOAD_FORECAST_DEFAULTS: LoadForecastOptions = {
  forecaster: FORECASTER_DEFAULTS,
  poolsMax: 64,
}

/** What was measured of a server, the oldest first; a day of minutes. */
const SAMPLES_MAX = 1440
/** Servers of a pool that are measured. Of a pool with more the capacity is not known. */
export const SERVERS_MAX = 64
/** A report counts for its step when this share of a step, or more, passed since the one before... */
const REPORT_LEAST = 0.5
/** ...and not more than this: else nobody knows when the requests were. */
const REPORT_MOST = 1.5
const AWAY_MOST_S = 7 * 86_400

export interface PoolLoad {
  readonly pool: string
  readonly forecaster: ForecasterState
  /** By their ids. */
  readonly samples: Map<string, LoadSample[]>
  /** Of the last report: all servers of the pool. Empty: it is in none. */
  servers: readonly ServerReport[]
}

export interface LoadForecasts {
  readonly options: LoadForecastOptions
  readonly pools: Map<string, PoolLoad>
  /** What counts are compared with. */
  last: { readonly atS: number; readonly servers: readonly ServerReport[] } | undefined
}

/**
 * @param kept what {@link keptOf} gave before a restart
 * @returns `unusable`: pools whose records are of other options, too old or broken, and that are begun anew
 */
export function openLoadForecasts(
  kept: readonly KeptForecast[],
  nowS: number,
  options: LoadForecastOptions = LOAD_FORECAST_DEFAULTS,
): { readonly forecasts: LoadForecasts; readonly unusable: readonly string[] } {
  const pools = new Map<string, PoolLoad>()
  const unusable: string[] = []
  for (const { pool, forecaster, servers } of kept.slice(0, options.poolsMax)) {
    if (!resumeForecaster(forecaster, nowS, options.forecaster, AWAY_MOST_S)) unusable.push(pool)
    else {
      const samples = new Map(servers.map(({ id, samples: of }) => [id, [...of]]))
      pools.set(pool, { pool, forecaster, samples, servers: [] })
    }
  }
  return { forecasts: { options, pools, last: undefined }, unusable }
}

export function keptOf({ pool, forecaster, samples }: PoolLoad): KeptForecast {
  return { pool, forecaster, servers: [...samples].map(([id, of]) => ({ id, samples: of })) }
}

/**
 * Takes in the counters at the end of a step. The first report, and one after a pause, say only where counting begins.
 *
 * @param servers undefined when nobody can say: no worker serves
 */
export function noteLoad(
  forecasts: LoadForecasts,
  nowS: number,
  servers: readonly ServerReport[] | undefined,
): void {
  const { last, options, pools } = forecasts
  const { stepS } = options.forecaster
  const elapsedS = last === undefined ? Number.POSITIVE_INFINITY : nowS - last.atS
  const isEarly = elapsedS >= 0 && elapsedS < REPORT_LEAST * stepS
  if (servers !== undefined && !isEarly) {
    const byPool = Map.groupBy(servers, ({ pool }) => pool)
    makeRoom(forecasts, byPool)
    const isWhole = elapsedS >= 0 && elapsedS <= REPORT_MOST * stepS
    const before = new Map(last?.servers.map((one) => [keyOf(one), one]))
    for (const pool of pools.values()) {
      pool.servers = byPool.get(pool.pool) ?? []
      if (isWhole && pool.servers.length > 0) count(pool, before, nowS, elapsedS)
    }
  }
  if (!isEarly) forecasts.last = servers && { atS: nowS, servers }
  for (const { forecaster } of pools.values()) passTime(forecaster, nowS)
}

/** Pools that are in no report wait for their return, unless others need the room. */
function makeRoom({ pools, options }: LoadForecasts, reported: ReadonlyMap<string, unknown>): void {
  const added = [...reported.keys()].filter((name) => !pools.has(name))
  for (const name of pools.keys()) {
    if (pools.size + added.length <= options.poolsMax) break
    if (!reported.has(name)) pools.delete(name)
  }
  for (const pool of added.slice(0, Math.max(0, options.poolsMax - pools.size))) {
    const forecaster = openForecaster(options.forecaster)
    pools.set(pool, { pool, forecaster, samples: new Map(), servers: [] })
  }
}

function count(
  pool: PoolLoad,
  before: ReadonlyMap<string, ServerReport>,
  nowS: number,
  elapsedS: number,
): void {
  let requests = 0
  const ids = new Set(pool.servers.map(({ id }) => id))
  for (const id of pool.samples.keys()) if (!ids.has(id)) pool.samples.delete(id)
  for (const report of pool.servers) {
    const then = before.get(keyOf(report))
    const rise = riseOf(then?.requests, report.requests)
    requests += rise
    const errors = Math.min(1, riseOf(then?.failures, report.failures) / rise)
    if (rise > 0) noteSample(pool, report, { load: rise / elapsedS, errors })
  }
  // The middle of what was counted: a report a little late or early is of the same step.
  addToForecaster(pool.forecaster, nowS - elapsedS / 2, requests)
}

function noteSample(
  { samples }: PoolLoad,
  { id, p99Ms, cpu }: ServerReport,
  measured: Omit<LoadSample, 'p99Ms'>,
): void {
  const known = samples.get(id)
  const of = known ?? []
  if (known === undefined) {
    if (samples.size >= SERVERS_MAX) return
    samples.set(id, of)
  }
  of.push({ ...measured, p99Ms, ...(cpu === undefined ? {} : { cpu }) })
  if (of.length > SAMPLES_MAX) of.shift()
}

/** A counter that fell was begun anew. */
function riseOf(before: number | undefined, after: number): number {
  return before === undefined || after < before ? after : after - before
}

const keyOf = ({ pool, id }: ServerReport): string => `${pool}/${id}`
