/**
 * What a model would have said at origins of the past, and what that cost: the ground that models are weighed on (`combine.ts`).
 * A model is fitted before the first origin and updated through the others, a fraction of the cost of fitting at each; `backtest.ts`
 * is the slower and truer one, with refits.
 *
 * @module
 */
import type { ForecastModel, SeriesFrame } from './model.ts'

export interface RollingOptions {
  /** How far each forecast goes. */
  readonly steps: number
  /** Steps from one origin to the next; the last one is `steps` before the end. */
  readonly strideSteps: number
  /** Origins at most; fewer when the first would leave less than half of the history to fit to. */
  readonly origins: number
}

/** Forecasts and where each began: the length of the history that was known. */
export interface Track {
  readonly origins: readonly number[]
  readonly forecasts: readonly Float64Array[]
}

/** What one forecast of one value costs, and what it costs more where the forecast is greater by one: convex or nearly so. */
export interface Measure {
  cost(actual: number, forecast: number): number
  slope(actual: number, forecast: number): number
}

export const ABSOLUTE_ERROR: Measure = {
  cost: (actual, forecast) => Math.abs(forecast - actual),
  slope: (actual, forecast) => Math.sign(forecast - actual),
}

/** Lengths of the history at each origin, shortest first. */
export function rollingOrigins(length: number, options: RollingOptions): number[] {
  const lengths = Array.from(
    { length: options.origins },
    (_, i) => length - options.steps - i * options.strideSteps,
  )
  return lengths.filter((origin) => origin * 2 >= length && origin > 0).toReversed()
}

export function rollForecasts<State>(
  model: ForecastModel<State>,
  history: Float64Array,
  frame: SeriesFrame,
  options: RollingOptions,
): Track {
  const origins = rollingOrigins(history.length, options)
  let known = origins[0] ?? 0
  const state = model.fit(history.slice(0, known), frame)
  const forecasts = origins.map((origin) => {
    for (; known < origin; known++) model.update(state, history[known] ?? Number.NaN)
    return model.forecast(state, options.steps)
  })
  return { origins, forecasts }
}

/** Mean cost over all origins and steps; unknown values do not count. NaN when there is none. */
export function errorOf(
  history: Float64Array,
  track: Track,
  measure: Measure = ABSOLUTE_ERROR,
): number {
  let sum = 0
  let count = 0
  for (const [i, forecast] of track.forecasts.entries()) {
    const origin = track.origins[i] ?? 0
    for (const [h, value] of forecast.entries()) {
      const cost = measure.cost(history[origin + h] ?? Number.NaN, value)
      if (Number.isNaN(cost)) continue
      sum += cost
      count++
    }
  }
  return count === 0 ? Number.NaN : sum / count
}
