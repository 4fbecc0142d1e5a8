import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ForecastCurve } from './api/views.ts'
import { forecastColumns, serverColumns } from './forecast-series.ts'

const CURVE: ForecastCurve = {
  ...{ pool: 'site', stepS: 60, at: 600_000, now: 3, fittedAfter: 0, horizons: [] },
  capacity: { requestsPerSecond: null, shareNow: null, shareAhead: null, reason: '' },
  events: [],
  ...{ history: [1, null, 3], expected: [4, 5], low: [2, 1], high: [6, 9] },
}

test('forecastColumns() joins what was and what is expected, each at the end of its step', () => {
  const { columns, nowIndex } = forecastColumns(CURVE, 10)
  assert.deepEqual(columns, [
    [480, 540, 600, 660, 720],
    [1, null, 3, null, null],
    [null, null, null, 4, 5],
    [null, null, null, 2, 1],
    [null, null, null, 6, 9],
  ])
  assert.equal(nowIndex, 2)
})

test('forecastColumns() shows no more of the past than asked for, and the capacity where it is known', () => {
  const capacity = { ...CURVE.capacity, requestsPerSecond: 50 }
  const { columns, nowIndex } = forecastColumns({ ...CURVE, capacity }, 1)
  assert.deepEqual(columns[0], [600, 660, 720])
  assert.deepEqual(columns[1], [3, null, null])
  assert.deepEqual(columns[5], [50, 50, 50])
  assert.equal(nowIndex, 0)
})

test('serverColumns() holds each count until the next, knows none before the first, and nothing of what is to come', () => {
  const counts = [
    { at: 490_000, wanted: 1, up: 1 },
    { at: 541_000, wanted: 3, up: 1 },
    { at: 600_000, wanted: 3, up: 2 },
    { at: 600_001, wanted: 3, up: 3 },
  ]
  const times = [480, 540, 600, 660, 720]
  assert.deepEqual(serverColumns(counts, times, 2), [
    times,
    [null, 1, 3, null, null],
    [null, 1, 2, null, null],
  ])
  assert.deepEqual(serverColumns([], [480], 0), [[480], [null], [null]])
})
