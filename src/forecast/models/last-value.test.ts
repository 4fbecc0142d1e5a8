import assert from 'node:assert/strict'
import { it } from 'node:test'
import { lastValue } from './last-value.ts'

it('repeats the last value that is known', () => {
  const frame = { stepS: 60, startS: 0, seasons: [] }
  const state = lastValue.fit(Float64Array.of(1, 2, 5), frame)
  assert.deepEqual([...lastValue.forecast(state, 3)], [5, 5, 5])
  lastValue.update(state, 7)
  lastValue.update(state, Number.NaN)
  assert.deepEqual([...lastValue.forecast(state, 2)], [7, 7])
})
