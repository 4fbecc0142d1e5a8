import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { NormalEquations } from '../../math/ridge.ts'
import { learnRow, openRecursiveFit, type RecursiveFit } from './recursive-fit.ts'

const LAMBDA = 1e-6
const random = seededRandom(3)
const rows = Array.from({ length: 400 }, () =>
  Float64Array.of(1, random.fraction(), random.fraction() - 0.5),
)
const targetOf = (row: Float64Array, slope: number) => 2 + slope * (row[1] ?? 0) - (row[2] ?? 0)

function regression(list: readonly Float64Array[], slope: number) {
  const equations = new NormalEquations(3)
  for (const row of list) equations.add(row, targetOf(row, slope))
  return equations
}

function learn(fit: RecursiveFit, row: Float64Array, target: number, keep: number) {
  const forecast = row.reduce((sum, x, j) => sum + x * (fit.coefficients[j] ?? 0), 0)
  learnRow(fit, row, target - forecast, 1, keep)
}

function assertNear(actual: Float64Array, wanted: Float64Array, within: number) {
  assert.ok(
    actual.every((value, j) => Math.abs(value - (wanted[j] ?? 0)) < within),
    `${actual} is not ${wanted}`,
  )
}

it('learnRow() by row is the regression over all rows at once, older ones faded', () => {
  const keep = 0.99
  const begun = regression(rows.slice(0, 100), 3)
  const fit = openRecursiveFit(begun.gram, begun.solve(LAMBDA), 1, LAMBDA)
  for (const row of rows.slice(100)) learn(fit, row, targetOf(row, 5), keep)
  const whole = new NormalEquations(3)
  for (const [i, row] of rows.entries()) {
    whole.add(row, targetOf(row, i < 100 ? 3 : 5), keep ** (399 - Math.max(i, 99)))
  }
  assertNear(fit.coefficients, whole.solve(LAMBDA), 1e-4)
})

it('openRecursiveFit() with a small share forgets where it began the sooner', () => {
  const begun = regression(rows, 3)
  const start = begun.solve(LAMBDA)
  const [slow, fast] = [1, 0.01].map((share) => openRecursiveFit(begun.gram, start, share, LAMBDA))
  for (const row of rows.slice(0, 50)) {
    for (const fit of [slow, fast]) if (fit) learn(fit, row, targetOf(row, 5), 0.999)
  }
  assert.ok((fast?.coefficients[1] ?? 0) > 4.5)
  assert.ok((slow?.coefficients[1] ?? 0) < 4)
})

it('what no row speaks of stays as it was, and stays finite, for as long as it takes', () => {
  const begun = regression(rows, 3)
  const fit = openRecursiveFit(begun.gram, begun.solve(LAMBDA), 1, LAMBDA)
  const before = fit.coefficients.slice()
  const still = Float64Array.of(1, 0, 0)
  for (let i = 0; i < 20_000; i++) learn(fit, still, 2, 0.9)
  assert.ok(fit.spread.every(Number.isFinite))
  assertNear(fit.coefficients, before, 1e-4)
  for (const row of rows) learn(fit, row, targetOf(row, 5), 0.9)
  assertNear(fit.coefficients, Float64Array.of(2, 5, -1), 1e-3)
})

it('a row that is not finite, or an empty Gram matrix, changes nothing', () => {
  const fit = openRecursiveFit(new Float64Array(9), new Float64Array(3), 1, LAMBDA)
  learnRow(fit, Float64Array.of(1, Number.NaN, 0), 1, 1, 0.9)
  learnRow(fit, Float64Array.of(1, 2, 3), Number.POSITIVE_INFINITY, 1, 0.9)
  assert.deepEqual(fit.coefficients, new Float64Array(3))
})
