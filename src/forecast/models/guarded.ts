/**
 * What every model of one series needs around its recursion, written once: unknown values are bridged, a history too short
 * for the model is forecast by its last value, and no forecast is absurd. A recursion then sees finite numbers only.
 *
 * @module
 */
import type { ForecastModel, SeriesFrame } from '../model.ts'

export interface Recursion<State> extends ForecastModel<State> {
  /** Fewest values it can be fitted to. */
  knownMin(frame: SeriesFrame): number
}

/** What was ever seen of a series; NaN and infinities as long as nothing is known. */
export interface Range {
  last: number
  low: number
  high: number
}

export interface Guarded<State> extends Range {
  /** Null while too little was known when the model was fitted. */
  readonly inner: State | null
}

/**
 * The model around a recursion. Forecasts stay within what was ever seen, widened by {@link SPREAD_MAX} times its width on
 * either side, and not below zero if nothing ever was. An unknown value in {@link ForecastModel.update} is taken to be what the
 * model expected. Of an empty history the forecast is zero.
 */
export function guarded<State>(recursion: Recursion<State>): ForecastModel<Guarded<State>> {
  const forecast = (state: Guarded<State>, steps: number): Float64Array => {
    if (Number.isNaN(state.last)) return new Float64Array(steps)
    if (state.inner === null) return new Float64Array(steps).fill(state.last)
    return bounded(recursion.forecast(state.inner, steps), state)
  }
  return {
    name: recursion.name,
    fit(history, frame) {
      const known = history.filter(Number.isFinite)
      const enough = known.length >= Math.max(1, recursion.knownMin(frame))
      const values = bridgeGaps(history, frame.seasons[0] ?? 0)
      return { inner: enough ? recursion.fit(values, frame) : null, ...rangeOf(known) }
    },
    update(state, value) {
      const known = Number.isFinite(value)
      if (state.inner !== null)
        recursion.update(state.inner, known ? value : one(forecast(state, 1)))
      if (!known) return
      state.last = value
      state.low = Math.min(state.low, value)
      state.high = Math.max(state.high, value)
    },
    forecast,
  }
}

export function rangeOf(known: Float64Array): Range {
  return {
    last: known.at(-1) ?? Number.NaN,
    low: known.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY),
    high: known.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY),
  }
}

/** The forecast held within the range as {@link guarded} says; what is not a number becomes the last value. */
export function bounded(forecast: Float64Array, { last, low, high }: Range): Float64Array {
  const width = SPREAD_MAX * (high - low)
  const least = low >= 0 ? Math.max(0, low - width) : low - width
  return forecast.map((value) =>
    Number.isNaN(value) ? last : Math.min(high + width, Math.max(least, value)),
  )
}

/** One width above the highest ever seen: a line may go on for as long as it was seen, nothing explodes. */
const SPREAD_MAX = 1

const one = (values: Float64Array): number => values[0] ?? 0

/**
 * The history without gaps: a gap shorter than a quarter of the season is a straight line between its neighbours, a longer
 * one takes the values of a season before where there are any. What is unknown at the beginning is cut off; at the end the
 * last season, or the last value, is repeated.
 */
export function bridgeGaps(history: Float64Array, season: number): Float64Array<ArrayBuffer> {
  const first = history.findIndex(Number.isFinite)
  const values = first < 0 ? new Float64Array() : Float64Array.from(history.subarray(first))
  for (let t = 1; t < values.length; t++) {
    if (Number.isFinite(values[t])) continue
    let end = t
    while (end < values.length && !Number.isFinite(values[end])) end++
    fillGap(values, t, end, season)
    t = end
  }
  return values
}

function fillGap(values: Float64Array, from: number, end: number, season: number): void {
  const before = values[from - 1] ?? 0
  const after = end < values.length ? (values[end] ?? 0) : before
  const long = season > 1 && (end - from) * 4 >= season
  for (let t = from; t < end; t++) {
    const line = before + ((after - before) * (t - from + 1)) / (end - from + 1)
    values[t] = long && t >= season ? (values[t - season] ?? 0) : line
  }
}
