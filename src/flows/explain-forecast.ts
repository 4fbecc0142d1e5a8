/**
 * A forecast as it is shown: of one pool, in requests per second, with who speaks and why, and the share of the capacity
 * where that is known.
 *
 * @module
 */
import { limitOf } from '../forecast/capacity.ts'
import { forecastAhead, type Outlook } from '../forecast/forecaster.ts'
import { JUDGED_MIN } from '../forecast/select.ts'
import { historyOf } from '../forecast/series.ts'
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
  const summary = { pool, stepS, at: openS * 1000, now, fittedAfter, horizons, capacity }
  return { summary, curve }
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
  const unknown = (reason: string): PoolCapacity => ({
    ...{ requestsPerSecond: null, shareNow: null, shareAhead: null, shareAheadS: 0, reason },
  })
  const serving = servers.filter(({ isServing }) => isServing)
  if (serving.length === 0) return unknown('no server takes requests')
  if (serving.length > SERVERS_MAX) return unknown(`more than ${SERVERS_MAX} servers`)
  let total = 0
  for (const { id } of serving) {
    const limit = limitOf(samples.get(id) ?? [])
    if (!limit.known) return unknown(`server ${id} was not yet seen near its limit`)
    total += limit.load
  }
  if (!(total > 0)) return unknown('no server carried anything')
  const ahead = high.slice(0, AHEAD_STEPS)
  const most = Math.max(...ahead)
  return {
    requestsPerSecond: total,
    shareNow: now === null ? null : now / total,
    shareAhead: most / total,
    shareAheadS: ahead.indexOf(most) * forecaster.series.stepS,
    reason: `from latencies and failures of ${serving.length} servers under load`,
  }
}

/** Whether a forecast for {@link AHEAD_STEPS} was compared with what came often enough to be gone by. */
export function isProven({ horizons, stepS }: PoolForecast): boolean {
  const horizon = horizons.find(({ aheadS }) => aheadS >= AHEAD_STEPS * stepS)
  return horizon !== undefined && horizon.judged >= JUDGED_MIN
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
