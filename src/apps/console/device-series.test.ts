import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StreamHistory } from './api/devices.ts'
import { deviationColumns, featureRows, scoreColumns } from './device-series.ts'

const HISTORY: StreamHistory = {
  at: [1000, 3000, 60_000],
  scores: [
    { name: 'identity', values: [0.1, 0.2, 3] },
    { name: 'picture', values: [0, 0, 1] },
  ],
  features: [
    { name: 'steady', middle: 2, spread: 0.5, values: [2, 2, 2.25] },
    { name: 'seldom', middle: null, spread: 1, values: [null, 1, 1] },
    { name: 'other', middle: -1, spread: 0.1, values: [-1, null, -2] },
  ],
}

test('scoreColumns() has seconds, and a gap where nothing was said', () => {
  assert.deepEqual(scoreColumns(HISTORY), [
    [1, 3, 3.001, 60],
    [0.1, 0.2, null, 3],
    [0, 0, null, 1],
  ])
})

test('deviationColumns() and featureRows() say how far off, in spreads', () => {
  const other = HISTORY.features[2]
  if (other === undefined) assert.fail()
  assert.deepEqual(deviationColumns(HISTORY, other)[1], [0, null, null, 10])
  assert.deepEqual(
    featureRows(HISTORY).map(({ name, deviation }) => [name, deviation]),
    [
      ['other', 10],
      ['steady', 0.5],
      ['seldom', null],
    ],
  )
})
