import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seasonalNaive } from './seasonal-naive.ts'

const frame = { stepS: 60, startS: 0, seasons: [2, 4] }
const history = Float64Array.of(9, 1, 2, 3, 4, 5)

it('repeats the last season of the rank asked for', () => {
  const short = seasonalNaive(0)
  const long = seasonalNaive(1)
  assert.deepEqual([...short.forecast(short.fit(history, frame), 5)], [4, 5, 4, 5, 4])
  assert.deepEqual([...long.forecast(long.fit(history, frame), 5)], [2, 3, 4, 5, 2])
  assert.deepEqual([...seasonalNaive(7).forecast(long.fit(history, frame), 2)], [2, 3])
})

it('goes on with what it is told; an unknown value is the one of a season ago', () => {
  const model = seasonalNaive(1)
  const state = model.fit(history, frame)
  model.update(state, 6)
  model.update(state, Number.NaN)
  assert.deepEqual([...model.forecast(state, 4)], [4, 5, 6, 3])
})

it('without seasons it is the last value', () => {
  const model = seasonalNaive(0)
  assert.deepEqual([...model.forecast(model.fit(history, { ...frame, seasons: [] }), 2)], [5, 5])
})
