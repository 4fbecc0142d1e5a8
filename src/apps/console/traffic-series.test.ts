import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrafficPoint } from './api/views.ts'
import {
  appendPoint,
  columnsOf,
  joinHistory,
  lastMinuteOf,
  lastPoints,
  latencyOf,
  niceCeiling,
} from './traffic-series.ts'

function pointAt(at: number, requestsPerSecond = at): TrafficPoint {
  return {
    at,
    requestsPerSecond,
    responses: [0, 0, requestsPerSecond, 0, 0, 0],
    p50: 1,
    p90: 2,
    p99: 3,
    connectionsOpen: 0,
    handshakesPerSecond: 0,
    tiers: [0, 0, 0, 0],
    sessionChecks: { passed: 0, refused: 0 },
    sessionKeys: { time: 1 },
  }
}
const times = (points: readonly TrafficPoint[]) => points.map((point) => point.at)

test('appendPoint() keeps the newest in order and drops what is not newer', () => {
  let points: readonly TrafficPoint[] = []
  for (const at of [1000, 2000, 2000, 1500, 3000, 4000])
    points = appendPoint(points, pointAt(at), 3)
  assert.deepEqual(times(points), [2000, 3000, 4000])
})

test('joinHistory() merges by time; what is known wins over history', () => {
  const joined = joinHistory([pointAt(3000), pointAt(1000)], [pointAt(3000, 7), pointAt(4000)], 9)
  assert.deepEqual(times(joined), [1000, 3000, 4000])
  assert.equal(joined[1]?.requestsPerSecond, 7)
})

test('lastPoints() takes a span back from the newest point', () => {
  const points = [1000, 2000, 3000].map((at) => pointAt(at))
  assert.deepEqual(times(lastPoints(points, 2000)), [2000, 3000])
  assert.deepEqual(lastPoints([], 2000), [])
})

test('columnsOf() breaks the line where the stream was cut', () => {
  const points = [1000, 2000, 9000].map((at) => pointAt(at))
  assert.deepEqual(columnsOf(points, [(point) => point.requestsPerSecond]), [
    [1, 2, 3, 9],
    [1000, 2000, null, 9000],
  ])
  assert.deepEqual(columnsOf([], [() => 1]), [[], []])
})

test('niceCeiling() is round, and so is its half, and at least the least', () => {
  assert.deepEqual(
    [0, 1, 1.1, 3, 70, 100, 4200].map((max) => niceCeiling(max, 1)),
    [1, 1, 2, 4, 80, 100, 6000],
  )
})

test('latencyOf() is unknown in a second without answers', () => {
  assert.equal(latencyOf(pointAt(1000, 0), 3), null)
  assert.equal(latencyOf(pointAt(1000, 5), 3), 3)
})

test('lastMinuteOf() sums what is no older than a minute', () => {
  const points = [0, 1000, 30_000, 60_000, 61_000, 200_000].map((at) => pointAt(at))
  const sums = lastMinuteOf(points, ({ sessionKeys: { time = 0 } }) => time)
  assert.deepEqual([...sums.values()], [1, 2, 3, 3, 3, 1])
})
