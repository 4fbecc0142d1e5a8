/**
 * Naive2, the yardstick of the M4 competition (Makridakis, Spiliotis, Assimakopoulos, 2020): the last value, seasonally
 * adjusted by classical multiplicative decomposition where the series shows a season at 90 %.
 *
 * @module
 */
import { hasSeason } from '../../math/autocorrelation.ts'
import { guarded } from './guarded.ts'

export interface Naive2State {
  /** The last value without its season. */
  level: number
  /** Factors of the season, mean one; a single 1 when there is none. */
  readonly factors: Float64Array
  /** Which factor the next value has. */
  phase: number
}

export const naive2 = guarded<Naive2State>({
  name: 'naive2',
  knownMin: () => 1,
  fit(values, frame) {
    const season = frame.seasons[0] ?? 1
    const factors = hasSeason(values, season) ? seasonFactors(values, season) : null
    const used = factors ?? Float64Array.of(1)
    const phase = values.length % used.length
    const before = used[(phase + used.length - 1) % used.length] ?? 1
    return { level: (values.at(-1) ?? 0) / before, factors: used, phase }
  },
  update(state, value) {
    state.level = value / (state.factors[state.phase] ?? 1)
    state.phase = (state.phase + 1) % state.factors.length
  },
  forecast: ({ level, factors, phase }, steps) =>
    Float64Array.from(
      { length: steps },
      (_, h) => level * (factors[(phase + h) % factors.length] ?? 1),
    ),
})

/**
 * Mean ratio to the centred moving average by phase, scaled to mean one.
 *
 * @returns null where the ratio means nothing: an average or a factor that is not positive
 */
export function seasonFactors(values: Float64Array, season: number): Float64Array | null {
  const sums = new Float64Array(season)
  const counts = new Float64Array(season)
  const half = Math.floor(season / 2)
  for (let t = half; t < values.length - half; t++) {
    const trend = centredMean(values, t, season)
    if (!(trend > 0)) return null
    sums[t % season] = (sums[t % season] ?? 0) + (values[t] ?? 0) / trend
    counts[t % season] = (counts[t % season] ?? 0) + 1
  }
  const means = sums.map((sum, i) => sum / (counts[i] ?? 0))
  const mean = means.reduce((sum, value) => sum + value, 0) / season
  const factors = means.map((value) => value / mean)
  return factors.every((factor) => factor > 0) ? factors : null
}

/** Over one season around t; of an even season both ends count half. */
function centredMean(values: Float64Array, t: number, season: number): number {
  const half = Math.floor(season / 2)
  let sum = 0
  for (let i = t - half; i <= t + half; i++) sum += values[i] ?? 0
  if (season % 2 === 0) sum -= ((values[t - half] ?? 0) + (values[t + half] ?? 0)) / 2
  return sum / season
}
