/**
 * Models together: each weighs by the inverse of its error, to a power, over rolling origins of the same history (Bates, Granger, 1969;
 * the power after Pawlikowski and Chorowska, 2020). A model is fitted before the first origin and updated through the
 * others; forecasts then come from a fit to the whole history.
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

/** Mean absolute error over all origins and steps; unknown values do not count. NaN when there is none. */
export function errorOf(history: Float64Array, track: Track): number {
  let sum = 0
  let count = 0
  for (const [i, forecast] of track.forecasts.entries()) {
    const origin = track.origins[i] ?? 0
    for (const [h, value] of forecast.entries()) {
      const error = Math.abs((history[origin + h] ?? Number.NaN) - value)
      if (Number.isNaN(error)) continue
      sum += error
      count++
    }
  }
  return count === 0 ? Number.NaN : sum / count
}

/** Power of the inverse error: on M4 Hourly's validation windows 3 to 5 were alike, 2 worse (docs/decisions/0014). */
export const ERROR_POWER = 4
/** Errors below this share of their mean are alike: nobody is perfect. */
const FLOOR_SHARE = 1e-3

/** @returns weights that sum to one; equal ones when no error is known or all are zero, none for who has no error */
export function inverseErrorWeights(errors: readonly number[], power = ERROR_POWER): Float64Array {
  const known = errors.filter(Number.isFinite)
  const mean = known.reduce((sum, error) => sum + error, 0) / Math.max(1, known.length)
  if (!(mean > 0)) return new Float64Array(errors.length).fill(1 / errors.length)
  const raw = Float64Array.from(errors, (error) =>
    Number.isFinite(error) ? (error / mean + FLOOR_SHARE) ** -power : 0,
  )
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  return raw.map((weight) => weight / total)
}

/** Weighted mean of forecasts of one length. */
export function mixForecasts(
  forecasts: readonly Float64Array[],
  weights: Float64Array,
): Float64Array {
  const mixed = new Float64Array(forecasts[0]?.length ?? 0)
  for (const [i, forecast] of forecasts.entries()) {
    for (const [h, value] of forecast.entries()) {
      mixed[h] = (mixed[h] ?? 0) + (weights[i] ?? 0) * value
    }
  }
  return mixed
}

export interface CombinedState {
  readonly weights: Float64Array
  /** Of each model. */
  readonly states: readonly unknown[]
}

/** One model made of several. */
export function combined(
  models: readonly ForecastModel<unknown>[],
  options: RollingOptions,
): ForecastModel<CombinedState> {
  return {
    name: 'combination',
    fit: (history, frame) => ({
      weights: inverseErrorWeights(
        models.map((model) => errorOf(history, rollForecasts(model, history, frame, options))),
      ),
      states: models.map((model) => model.fit(history, frame)),
    }),
    update(state, value) {
      for (const [i, model] of models.entries()) model.update(state.states[i], value)
    },
    forecast: ({ weights, states }, steps) =>
      mixForecasts(
        models.map((model, i) => model.forecast(states[i], steps)),
        weights,
      ),
  }
}
