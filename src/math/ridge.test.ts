import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { NormalEquations, solveRidge } from './ridge.ts'

const near = (actual: Float64Array, expected: readonly number[], within = 1e-9) =>
  assert.ok(
    actual.length === expected.length &&
      expected.every((value, i) => Math.abs((actual[i] ?? Number.NaN) - value) <= within),
    `${actual} is not ${expected}`,
  )

it('without penalty it is the line through the points', () => {
  const equations = new NormalEquations(2)
  for (let x = 0; x < 5; x++) equations.add(Float64Array.of(1, x), 3 + 2 * x)
  near(equations.solve(0), [3, 2])
})

it('a case by hand: columns of mean zero shrink by 1 + lambda, the intercept does not', () => {
  // x = -1, 0, 1 and y = 1, 2, 6: mean 3, slope 5 / 2.
  const equations = new NormalEquations(2)
  equations.add(Float64Array.of(1, -1), 1)
  equations.add(Float64Array.of(1, 0), 2)
  equations.add(Float64Array.of(1, 1), 6)
  near(equations.solve(0), [3, 2.5])
  near(equations.solve(1), [3, 1.25])
})

it('lambda has no unit: a column in other units gives the same fit', () => {
  const random = seededRandom(1)
  const [plain, scaled] = [new NormalEquations(2), new NormalEquations(2)]
  for (let i = 0; i < 50; i++) {
    const x = random.fraction()
    const y = 4 - x + random.fraction()
    plain.add(Float64Array.of(1, x), y)
    scaled.add(Float64Array.of(1, 1000 * x), y)
  }
  const [intercept = 0, slope = 0] = plain.solve(0.3)
  near(scaled.solve(0.3), [intercept, slope / 1000])
})

it('the solution satisfies the penalised normal equations', () => {
  const random = seededRandom(2)
  const columns = 7
  const equations = new NormalEquations(columns)
  for (let i = 0; i < 40; i++) {
    const row = Float64Array.from({ length: columns }, (_, j) => (j === 0 ? 1 : random.fraction()))
    equations.add(row, random.fraction(), 0.5 + random.fraction())
  }
  const b = equations.solve(0.2)
  const { gram, moment } = equations
  const full = (i: number, j: number) => gram[Math.max(i, j) * columns + Math.min(i, j)] ?? 0
  const left = Float64Array.from({ length: columns }, (_, i) => {
    const penalty = i === 0 ? 0 : 0.2 * full(i, i) * (b[i] ?? 0)
    return b.reduce((sum, value, j) => sum + full(i, j) * value, penalty)
  })
  near(left, [...moment])
})

it('a weight of two counts as the row twice', () => {
  const [once, twice] = [new NormalEquations(2), new NormalEquations(2)]
  for (const [x, y] of [
    [0, 1],
    [1, 5],
    [2, 4],
  ] as const) {
    once.add(Float64Array.of(1, x), y, x === 1 ? 2 : 1)
    twice.add(Float64Array.of(1, x), y)
    if (x === 1) twice.add(Float64Array.of(1, x), y)
  }
  near(once.solve(0.1), [...twice.solve(0.1)])
})

it('refuses nothing: equal columns share, empty columns and no rows at all give zeros', () => {
  const equal = new NormalEquations(3)
  for (let x = 0; x < 9; x++) equal.add(Float64Array.of(1, x, x), 2 * x)
  near(equal.solve(0), [0, 1, 1], 1e-4)
  const empty = new NormalEquations(3)
  for (let x = 0; x < 9; x++) empty.add(Float64Array.of(1, x, 0), 2 * x)
  near(empty.solve(0), [0, 2, 0], 1e-4)
  near(new NormalEquations(2).solve(0), [0, 0])
  near(solveRidge(Float64Array.of(Number.NaN, 0, 0, 1), Float64Array.of(1, 1), 1), [0, 0])
})

it('leaves out rows that nobody knows', () => {
  const equations = new NormalEquations(2)
  equations.add(Float64Array.of(1, Number.NaN), 1)
  equations.add(Float64Array.of(1, 1), Number.NaN)
  assert.equal(equations.weight, 0)
  for (let x = 0; x < 3; x++) equations.add(Float64Array.of(1, x), x)
  near(equations.solve(0), [0, 1])
})
