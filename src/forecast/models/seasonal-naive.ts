/**
 * The last season goes on: what was a day, or a week, ago.
 *
 * @module
 */
import type { ForecastModel } from '../model.ts'
import { type Guarded, guarded } from './guarded.ts'

export interface SeasonalNaiveState {
  /** The last season, oldest value at `at`. */
  readonly ring: Float32Array
  at: number
}

/** @param rank which of the frame's seasons, 0 the shortest; where there are fewer, the longest there is */
export function seasonalNaive(rank: number): ForecastModel<Guarded<SeasonalNaiveState>> {
  const seasonOf = (seasons: readonly number[]) => seasons[rank] ?? seasons.at(-1) ?? 1
  return guarded<SeasonalNaiveState>({
    name: `seasonal naive ${rank + 1}`,
    knownMin: (frame) => seasonOf(frame.seasons),
    fit: (values, frame) => ({
      ring: Float32Array.from(values.subarray(-seasonOf(frame.seasons))),
      at: 0,
    }),
    update(state, value) {
      state.ring[state.at] = value
      state.at = (state.at + 1) % state.ring.length
    },
    forecast: ({ ring, at }, steps) =>
      Float64Array.from({ length: steps }, (_, h) => ring[(at + h) % ring.length] ?? 0),
  })
}
