/**
 * What servers and listeners do, as series of one value a step, each watched for what it never did (`forecast/anomaly/`): of a
 * server its requests and their failures and latency, of a listener its hellos and those refused. Learned from the series
 * themselves; a finding says where to look, and not what is wrong.
 *
 * @module
 */
import {
  type AnomalyReason,
  type AnomalyState,
  detectAnomaly,
  startAnomaly,
} from '../forecast/anomaly/detect-anomaly.ts'
import type { KeptSeries } from '../ports/forecast-store.ts'

/** Counters since start, at the end of a step. */
export interface SeriesCounters {
  readonly atS: number
  readonly servers: readonly {
    readonly pool: string
    readonly id: string
    readonly requests: number
    readonly failures: number
    /** Smoothed time to first byte, as of an ordinary request of the pool, ms. */
    readonly latencyMs: number
  }[]
  /** By the name of the listener. */
  readonly listeners: Readonly<
    Record<string, { readonly hellos: number; readonly refused: number }>
  >
}

export interface SeriesPoint {
  /** `server/<pool>/<id>/requests` (per second), `.../errors` (share), `.../latency` (ms), `listener/<name>/hellos`, `.../refused` (per second). */
  readonly series: string
  /** NaN: unknown, as errors and latency of no requests. */
  readonly value: number
  /** Of a server. */
  readonly server?: { readonly pool: string; readonly id: string }
}

export interface SeriesFinding extends SeriesPoint {
  /** When the step ended, milliseconds since the Unix epoch. */
  readonly at: number
  readonly score: number
  readonly reasons: readonly AnomalyReason[]
}

interface WatchedSeries {
  readonly state: AnomalyState
  /** Of the last step; null: unknown. */
  value: number | null
  score: number
  /** When a point of it was last told; undefined: not since the start. */
  at: number | undefined
  /** When it last did what it never did; undefined: never. */
  foundAt: number | undefined
}

export interface SeriesWatch {
  readonly series: Map<string, WatchedSeries>
  /** The newest last. */
  readonly findings: SeriesFinding[]
  last: SeriesCounters | undefined
  /** Points of the last step that there was no room for. */
  unwatched: number
}

/**
 * Digits of surprise of a finding. Above the threshold of the detector, which was chosen on values five minutes apart: of made
 * minutes with days in them (2026-11-21, 180 days of requests, errors and latencies) 0.18 a day are found at 6 where 0.80 are
 * at 4.2, and of 60 that double, stop or fail 6 % more all, at 6.5 no longer all.
 */
const SCORE_LEAST = 6
/** As long as there is no other day to compare the hour with, six digits are not to be had: the detector's own word counts, 0.23 a day. */
const FIRST_DAY_S = 23 * 3600
/** A series takes 67 KB: 34 MB for all, which is 170 servers. */
export const SERIES_MAX = 512
export const FINDINGS_MAX = 200
/** Counters count for a step when this share of a step, or more, passed since the ones before, and not more than that. */
const STEP_LEAST = 0.5
const STEP_MOST = 1.5

/** @param kept what {@link keptSeries} gave before a restart */
export function openSeriesWatch(kept: readonly KeptSeries[] = []): SeriesWatch {
  const series = new Map(
    kept.slice(0, SERIES_MAX).map(({ series: name, state }) => [name, newSeries(state)]),
  )
  return { series, findings: [], last: undefined, unwatched: 0 }
}

export function keptSeries({ series }: SeriesWatch): readonly KeptSeries[] {
  return [...series].map(([name, { state }]) => ({ series: name, state }))
}

function newSeries(state: AnomalyState): WatchedSeries {
  return { state, value: null, score: 0, at: undefined, foundAt: undefined }
}

/** Takes in the counters at the end of a step. @returns what was found, once per trouble (`HOLD_DOWN` of the detector) */
export function watchStep(
  watch: SeriesWatch,
  counters: SeriesCounters,
  stepS: number,
): readonly SeriesFinding[] {
  const { last } = watch
  const elapsedS = last === undefined ? Number.POSITIVE_INFINITY : counters.atS - last.atS
  // Early by a clock that was set: the step goes on.
  if (elapsedS >= 0 && elapsedS < STEP_LEAST * stepS) return []
  watch.last = counters
  if (last === undefined || !(elapsedS >= 0 && elapsedS <= STEP_MOST * stepS)) return []
  const points = pointsOf(last, counters, elapsedS)
  makeRoom(watch, new Set(points.map(({ series }) => series)))
  const at = counters.atS * 1000
  const found = points.flatMap((point) => {
    const watched = watch.series.get(point.series)
    return watched === undefined ? [] : judge(watched, point, at, stepS)
  })
  watch.unwatched = points.filter(({ series }) => !watch.series.has(series)).length
  watch.findings.push(...found)
  watch.findings.splice(0, watch.findings.length - FINDINGS_MAX)
  return found
}

function judge(
  watched: WatchedSeries,
  point: SeriesPoint,
  at: number,
  stepS: number,
): readonly SeriesFinding[] {
  const { value } = point
  const isFirstDay = watched.state.range.seen * stepS < FIRST_DAY_S
  const { score, anomalous, reasons } = detectAnomaly(watched.state, value, at)
  watched.at = at
  watched.value = Number.isFinite(value) ? value : null
  watched.score = score
  if (!anomalous || (score < SCORE_LEAST && !isFirstDay)) return []
  watched.foundAt = at
  return [{ ...point, at, score, reasons }]
}

/** Series nobody tells of any more go first; for those told of there is room until all is full. */
function makeRoom({ series }: SeriesWatch, told: ReadonlySet<string>): void {
  const added = [...told].filter((name) => !series.has(name))
  for (const name of series.keys()) {
    if (series.size + added.length <= SERIES_MAX) break
    if (!told.has(name)) series.delete(name)
  }
  for (const name of added.slice(0, Math.max(0, SERIES_MAX - series.size))) {
    series.set(name, newSeries(startAnomaly()))
  }
}

/** What was between two tellings of the counters. One that was not there before says nothing yet; one that fell began anew. */
function pointsOf(
  before: SeriesCounters,
  after: SeriesCounters,
  elapsedS: number,
): readonly SeriesPoint[] {
  const known = new Map(before.servers.map((one) => [`${one.pool}/${one.id}`, one]))
  const ofServers = after.servers.flatMap(({ pool, id, requests, failures, latencyMs }) => {
    const then = known.get(`${pool}/${id}`)
    if (then === undefined) return []
    const asked = rise(then.requests, requests)
    const errors = asked === 0 ? Number.NaN : Math.min(1, rise(then.failures, failures) / asked)
    const name = `server/${pool}/${id}`
    return [
      { series: `${name}/requests`, value: asked / elapsedS, server: { pool, id } },
      { series: `${name}/errors`, value: errors, server: { pool, id } },
      {
        series: `${name}/latency`,
        value: asked === 0 ? Number.NaN : latencyMs,
        server: { pool, id },
      },
    ]
  })
  const ofListeners = Object.entries(after.listeners).flatMap(([name, { hellos, refused }]) => {
    const then = before.listeners[name]
    if (then === undefined) return []
    return [
      { series: `listener/${name}/hellos`, value: rise(then.hellos, hellos) / elapsedS },
      { series: `listener/${name}/refused`, value: rise(then.refused, refused) / elapsedS },
    ]
  })
  return [...ofServers, ...ofListeners]
}

function rise(before: number, after: number): number {
  return after < before ? after : after - before
}
