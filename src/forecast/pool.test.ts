import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { forecastPool } from './pool.ts'

const frame = { stepS: 3600, startS: 0, seasons: [4, 12] }
const OPTIONS = { clusters: [1, 2], lambda: 1e-3, offPhaseWeight: 0.1 }

/** Two kinds of series that differ in level and noise; the kinds differ in shape. */
const random = seededRandom(5)
const shapes = [
  [0.5, 1, 1.5, 1],
  [1.5, 1, 0.5, 1],
] as const
const shapeOf = (i: number, t: number) =>
  (10 + i) * (shapes[i % 2]?.[t % 4] ?? 1) * (1 + 0.3 * Math.sin((2 * Math.PI * t) / 12))
const list = Array.from({ length: 8 }, (_, i) =>
  Float64Array.from({ length: 120 }, (_, t) => shapeOf(i, t) * (1 + 0.02 * random.fraction())),
)

it('each member goes on with each series, at each origin', () => {
  const members = forecastPool(list, frame, 6, [0, 12], random, OPTIONS)
  assert.deepEqual(
    members.map(({ name }) => name),
    ['pool of 1', 'pool of 2', 'pool and own'],
  )
  for (const { forecasts } of members) {
    for (const [i, origins] of forecasts.entries()) {
      for (const [at, forecast] of origins.entries()) {
        for (const [h, value] of forecast.entries()) {
          const truth = 1.01 * shapeOf(i, (at === 0 ? 120 : 108) + h)
          assert.ok(Math.abs(value / truth - 1) < 0.05, `${i} ${at} ${h}: ${value} is not ${truth}`)
        }
      }
    }
  }
})

it('an origin in the past knows nothing of what came after', () => {
  const changed = list.map((series) => series.map((value, t) => (t >= 108 ? value * 1.1 : value)))
  const past = (series: readonly Float64Array[]) =>
    forecastPool(series, frame, 6, [12], seededRandom(1), { ...OPTIONS, clusters: [2] }).map(
      ({ forecasts }) =>
        forecasts.map((origins) => Array.from(origins[0] ?? [], (value) => value.toFixed(6))),
    )
  assert.deepEqual(past(changed), past(list))
})

it('a short, empty, constant, negative or unknown series among them: finite', () => {
  const odd = [
    ...list,
    new Float64Array(),
    new Float64Array(120).fill(Number.NaN),
    Float64Array.of(3, 4),
    new Float64Array(120).fill(5),
    new Float64Array(120),
    Float64Array.from({ length: 120 }, (_, t) => -shapeOf(0, t)),
    list[0]?.map((value, t) => (t % 7 === 0 ? Number.NaN : value)) ?? new Float64Array(),
  ]
  const members = forecastPool(odd, frame, 6, [0, 4], random, OPTIONS)
  for (const { forecasts } of members) {
    assert.ok(
      forecasts
        .flat()
        .every((forecast) => forecast.length === 6 && forecast.every(Number.isFinite)),
    )
    assert.deepEqual([...(forecasts[8]?.[0] ?? [])], [0, 0, 0, 0, 0, 0])
    assert.deepEqual([...(forecasts[10]?.[0] ?? [])], [4, 4, 4, 4, 4, 4])
    assert.deepEqual([...(forecasts[11]?.[0] ?? [])], [5, 5, 5, 5, 5, 5])
  }
})
