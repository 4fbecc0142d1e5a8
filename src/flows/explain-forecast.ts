/**
 * A forecast as it is shown: of one pool, in requests per second, with who speaks and why, and the share of the capacity
 * where that is known.
 *
 * @module
 */
import { boundByCpu, type LoadLimit, type LoadSample, limitOf } from '../forecast/capacity.ts'
import { forecastAhead, type Outlook } from '../forecast/forecaster.ts'
import { JUDGED_MIN } from '../forecast/select.ts'
import { historyOf } from '../forecast/series.ts'
import { explainEvents, type PoolEvent } from './explain-events.ts'
import { type PoolLoad, SERVERS_MAX } from './forecast-load.ts'

/** Rates are requests per second, over a step; null is unknown. */
export interface PoolForecast {
  readonly pool: string
  readonly stepS: number
  /** When the first step to come begins, and what was measured ends: ms since the Unix epoch. */
  readonly at: number
  /** Of the last step. */
  readonly now: number | null
  /** Steps there were when models were fitted last; 0 before that. */
  readonly fittedAfter: number
  readonly horizons: readonly HorizonForecast[]
  readonly capacity: PoolCapacity
  /** Announced ones that run or are to come, in the order of their begin. */
  readonly events: readonly PoolEvent[]
}

export interface HorizonForecast {
  /** Seconds from `at` to the end of the step that is forecast. */
  readonly aheadS: number
  readonly expected: number
  /** 90 % of steps lie between; 95 % at or below `high`. */
  readonly low: number
  readonly high: number
  /** Who speaks. */
  readonly model: string
  /** Whether the model that was chosen had to give way to a simpler one. */
  readonly isDemoted: boolean
  readonly reason: string
  /** Sum of absolute errors over the sum of values of about the last day; null before there are any. */
  readonly error: number | null
  /** Forecasts that were compared with what came. */
  readonly judged: number
}

export interface PoolCapacity {
  /** What its servers in service carry together; null while that is not known. */
  readonly requestsPerSecond: number | null
  /** Shares of it: of the last step, and the highest upper line of the next {@link AHEAD_STEPS} steps. */
  readonly shareNow: number | null
  readonly shareAhead: number | null
  /** Seconds from `at` to the step with that line. */
  readonly shareAheadS: number
  /**
   * What they carry together at most, by what they say of their CPU; null where that is not said, or the capacity is known.
   * Nothing goes by it: it is their word.
   */
  readonly atMost: number | null
  readonly reason: string
}

export interface ForecastCurve {
  /** Of the last day, the oldest first; it ends at `at`. */
  readonly history: readonly (number | null)[]
  /** The steps from `at` on. */
  readonly expected: readonly number[]
  readonly low: readonly number[]
  readonly high: readonly number[]
}

/** A quarter of an hour of minutes: what a new server takes, and some. */
export const AHEAD_STEPS = 15
/** An hour of minutes, and a day of them. */
const CURVE_STEPS = 60
const HISTORY_STEPS = 1440

export interface ForecastView {
  readonly summary: PoolForecast
  readonly curve: ForecastCurve
  /** Requests per second at which one of its servers breaks, the median of those seen near it; undefined before there is one. */
  readonly perServer: number | undefined
}

export function explainForecast(load: PoolLoad): ForecastView {
  const { pool, forecaster } = load
  const { series } = forecaster
  const outlook = forecastAhead(forecaster, CURVE_STEPS)
  const rates = (counts: Float64Array): number[] => Array.from(counts, (n) => n / series.stepS)
  const history = rates(historyOf(series).slice(-HISTORY_STEPS)).map(orNull)
  const curve = {
    history,
    expected: rates(outlook.values),
    low: rates(outlook.low),
    high: rates(outlook.high),
  }
  const now = history.at(-1) ?? null
  const horizons = horizonsOf(load, outlook, curve)
  const capacity = capacityOf(load, now, curve.high)
  const { stepS, openS } = series
  const fittedAfter = forecaster.fit.total
  const events = explainEvents(forecaster.calendar)
  const summary = { pool, stepS, at: openS * 1000, now, fittedAfter, horizons, capacity, events }
  return { summary, curve, perServer: limitOfOne(load) }
}

function limitOfOne({ samples }: PoolLoad): number | undefined {
  const known = [...samples.values()]
    .map(limitOf)
    .filter((limit) => limit.known)
    .map((limit) => limit.load)
    .sort((a, b) => a - b)
  return known[Math.floor(known.length / 2)]
}

function horizonsOf(
  { forecaster }: PoolLoad,
  { verdicts }: Outlook,
  { expected, low, high }: ForecastCurve,
): readonly HorizonForecast[] {
  return verdicts.map(({ steps, index, model, demoted, reason }, i) => {
    const contest = forecaster.horizons[i]?.contest
    const { errors = [], values = 0, judged = 0 } = contest ?? {}
    return {
      aheadS: steps * forecaster.series.stepS,
      expected: expected[steps - 1] ?? 0,
      low: low[steps - 1] ?? 0,
      high: high[steps - 1] ?? 0,
      ...{ model, isDemoted: demoted, reason, judged },
      error: values > 0 ? orNull((errors[index] ?? Number.NaN) / values) : null,
    }
  })
}

function capacityOf(
  { forecaster, samples, servers }: PoolLoad,
  now: number | null,
  high: readonly number[],
): PoolCapacity {
  const unknown = (reason: string, atMost: number | null = null): PoolCapacity => ({
    ...{
      requestsPerSecond: null,
      shareNow: null,
      shareAhead: null,
      shareAheadS: 0,
      atMost,
      reason,
    },
  })
  const serving = servers.filter(({ isServing }) => isServing)
  if (serving.length === 0) return unknown('no server takes requests')
  if (serving.length > SERVERS_MAX) return unknown(`more than ${SERVERS_MAX} servers`)
  const limits = serving.map(({ id }) => limitOfServer(samples.get(id) ?? []))
  const unseen = limits.findIndex(({ known }) => !known)
  if (unseen >= 0) {
    const atMost = limits.reduce(
      (sum, { known, load, atMost: bound = Number.NaN }) => sum + (known ? load : bound),
      0,
    )
    const reason = `server ${serving[unseen]?.id} was not yet seen near its limit`
    return unknown(reason, orNull(atMost))
  }
  const total = limits.reduce((sum, { load }) => sum + load, 0)
  if (!(total > 0)) return unknown('no server carried anything')
  const ahead = high.slice(0, AHEAD_STEPS)
  const most = Math.max(...ahead)
  return {
    requestsPerSecond: total,
    shareNow: now === null ? null : now / total,
    shareAhead: most / total,
    shareAheadS: ahead.indexOf(most) * forecaster.series.stepS,
    atMost: null,
    reason: `from latencies and failures of ${serving.length} servers under load`,
  }
}

function limitOfServer(samples: readonly LoadSample[]): LoadLimit {
  return boundByCpu(limitOf(samples), samples)
}

/** Whether a forecast for {@link AHEAD_STEPS} was compared with what came often enough to be gone by. */
export function isProven({ horizons, stepS }: PoolForecast): boolean {
  const horizon = horizons.find(({ aheadS }) => aheadS >= AHEAD_STEPS * stepS)
  return horizon !== undefined && horizon.judged >= JUDGED_MIN
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
