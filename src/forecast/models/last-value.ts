/**
 * The last value goes on. Over few steps hard to beat, and the measure of all other models.
 *
 * @module
 */
import { guarded } from './guarded.ts'

export const lastValue = guarded<{ last: number }>({
  name: 'last value',
  knownMin: () => 1,
  fit: (values) => ({ last: values.at(-1) ?? 0 }),
  update(state, value) {
    state.last = value
  },
  forecast: (state, steps) => new Float64Array(steps).fill(state.last),
})
