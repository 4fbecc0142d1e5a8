import assert from 'node:assert/strict'
import { it } from 'node:test'
import { minimise } from './nelder-mead.ts'

it("minimise() walks Rosenbrock's valley to (1, 1)", () => {
  const { point, value } = minimise(
    ([x = 0, y = 0]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    Float64Array.of(-1.2, 1),
    { stepSize: 0.5, evaluationsMax: 500 },
  )
  assert.ok(value < 1e-6)
  assert.ok(point.every((x) => Math.abs(x - 1) < 1e-2))
})

it('minimise() leaves what is not a number, and stops in time', () => {
  let evaluations = 0
  const { point } = minimise(
    ([x = 0]) => {
      evaluations++
      return x < 0 ? Number.NaN : (x - 2) ** 2
    },
    Float64Array.of(-0.5),
    { stepSize: 1, evaluationsMax: 60 },
  )
  assert.ok(Math.abs((point[0] ?? 0) - 2) < 1e-3)
  assert.ok(evaluations <= 64)
})

it('minimise() of a constant ends where it began', () => {
  assert.deepEqual(
    [...minimise(() => 7, Float64Array.of(3, 4), { stepSize: 1, evaluationsMax: 100 }).point],
    [3, 4],
  )
})
