/**
 * Where effects multiply: a series that is never negative is modelled by its logarithm, any other as it is.
 *
 * @module
 */
export interface LogScale {
  /** The least value that is told from zero; 0 when the series is taken as it is. */
  readonly floor: number
}

/** A thousandth of the mean: below it a logarithm tells more about rounding than about the series. */
const FLOOR_SHARE = 1e-3

export function logScaleOf(values: Float64Array): LogScale {
  let sum = 0
  for (const value of values) {
    if (value < 0) return { floor: 0 }
    sum += value
  }
  return { floor: (FLOOR_SHARE * sum) / Math.max(1, values.length) }
}

export function onScale(scale: LogScale, value: number): number {
  return scale.floor > 0 ? Math.log(Math.max(scale.floor, value)) : value
}

/** The way back: the median, not the mean, of what is expected. */
export function offScale(scale: LogScale, value: number): number {
  return scale.floor > 0 ? Math.exp(value) : value
}
