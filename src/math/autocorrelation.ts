/**
 * Sample autocorrelation (Box, Jenkins, 1970), the biased estimate that every textbook uses: divided by n at each lag.
 *
 * @module
 */

/** @returns autocorrelations at lags 0 to `lags`; zeros after lag 0 for a constant series */
export function autocorrelations(values: Float64Array, lags: number): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  const centred = values.map((value) => value - mean)
  const result = new Float64Array(lags + 1)
  for (let lag = 0; lag <= lags; lag++) {
    let sum = 0
    for (let t = lag; t < centred.length; t++) sum += (centred[t] ?? 0) * (centred[t - lag] ?? 0)
    result[lag] = sum
  }
  const variance = result[0] ?? 0
  // Rounding of a constant leaves a variance of that size.
  const constant = variance <= 1e-20 * mean * mean * values.length
  return result.map((value, lag) => (lag === 0 ? 1 : constant ? 0 : value / variance))
}

/**
 * Whether a season shows at 90 % confidence: the test of the M4 competition (its benchmark code, `SeasonalityTest`), with Bartlett's
 * standard error under all shorter lags. Never with less than three seasons.
 */
export function hasSeason(values: Float64Array, season: number): boolean {
  if (season < 2 || values.length < 3 * season) return false
  const correlations = autocorrelations(values, season)
  const shorter = correlations.subarray(1, season).reduce((sum, r) => sum + r * r, 0)
  const limit = Z_90 * Math.sqrt((1 + 2 * shorter) / values.length)
  return Math.abs(correlations[season] ?? 0) > limit
}

/** The normal quantile for 90 %, both tails, as the competition rounds it. */
const Z_90 = 1.645
