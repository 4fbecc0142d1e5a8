/**
 * Models together: each weighs by the inverse of its error, to a power, over rolling origins of the same history (Bates, Granger, 1969;
 * the power after Pawlikowski and Chorowska, 2020), and these weights are then led a little way to where the error of the mixture
 * itself is least. What errors are and where they come from: `rolling.ts`. Forecasts then come from a fit to the whole history.
 *
 * @module
 */
import type { ForecastModel, SeriesFrame } from './model.ts'
import {
  ABSOLUTE_ERROR,
  errorOf,
  type Measure,
  type RollingOptions,
  rollForecasts,
  type Track,
} from './rolling.ts'

/**
 * Weights of models by their tracks over the same origins of one history.
 *
 * @returns weights that sum to one, one for each track
 */
export function weighTracks(
  history: Float64Array,
  tracks: readonly Track[],
  measure: Measure = ABSOLUTE_ERROR,
): Float64Array {
  const errors = tracks.map((track) => errorOf(history, track, measure))
  return refineWeights(history, tracks, inverseErrorWeights(errors), measure)
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
  return shares(raw)
}

/** Steps of the descent and their size, in mean errors: half and twice as many, or as large, are alike (docs/decisions/0014). */
const REFINE_STEPS = 32
const REFINE_RATE = 0.3

/**
 * Exponentiated gradient descent (Kivinen, Warmuth, 1997) on the cost of the mixture, from the weights given; the mean of all steps is
 * taken, which holds it near its start: to the end of the way weights would fit the origins, not the model. What has no weight gets none.
 *
 * @param tracks over the same origins all of them
 * @returns weights that sum to one; those given where nothing is to be learned
 */
export function refineWeights(
  history: Float64Array,
  tracks: readonly Track[],
  weights: Float64Array,
  measure: Measure = ABSOLUTE_ERROR,
): Float64Array {
  const { origins = [] } = tracks[0] ?? {}
  const errors = tracks.map((track) => errorOf(history, track, measure)).filter(Number.isFinite)
  const scale = errors.reduce((sum, error) => sum + error, 0) / errors.length
  if (!(scale > 0)) return weights
  const sum = weights.slice()
  let now = weights
  for (let step = 0; step < REFINE_STEPS; step++) {
    const slopes = new Float64Array(tracks.length)
    let count = 0
    for (const [o, origin] of origins.entries()) {
      const forecasts = tracks.map((track) => track.forecasts[o] ?? new Float64Array())
      for (const [h, mixed] of mixForecasts(forecasts, now).entries()) {
        const slope = measure.slope(history[origin + h] ?? Number.NaN, mixed)
        if (Number.isNaN(slope)) continue
        count++
        for (const [i, forecast] of forecasts.entries()) {
          // Less the mixture: weights sum to one, so only differences matter, and they stay small.
          slopes[i] = (slopes[i] ?? 0) + slope * ((forecast[h] ?? 0) - mixed)
        }
      }
    }
    const pace = REFINE_RATE / (Math.max(1, count) * scale)
    now = shares(now.map((weight, i) => weight * Math.exp(-pace * (slopes[i] ?? 0))))
    for (const [i, weight] of now.entries()) sum[i] = (sum[i] ?? 0) + weight
  }
  const mean = shares(sum)
  return mean.every(Number.isFinite) ? mean : weights
}

function shares(parts: Float64Array): Float64Array {
  const total = parts.reduce((sum, part) => sum + part, 0)
  return parts.map((part) => part / total)
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
    fit: (history, frame: SeriesFrame) => ({
      weights: weighTracks(
        history,
        models.map((model) => rollForecasts(model, history, frame, options)),
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
