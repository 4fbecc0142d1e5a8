import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { decompose, solveFactored } from './cholesky.ts'

it('a case by hand: [[4, 2], [2, 5]] is [[2, 0], [1, 2]] times its transpose', () => {
  const matrix = Float64Array.of(4, 99, 2, 5)
  assert.equal(decompose(matrix, 2), true)
  assert.deepEqual([...matrix], [2, 99, 1, 2], 'the upper half is left alone')
  // 4 x + 2 y = 8, 2 x + 5 y = 8.
  assert.deepEqual([...solveFactored(matrix, Float64Array.of(8, 8))], [1.5, 1])
})

it('solves what was multiplied', () => {
  const random = seededRandom(3)
  const n = 12
  const rows = Array.from({ length: n }, () => Float64Array.from({ length: n }, random.fraction))
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0
  const matrix = Float64Array.from({ length: n * n }, (_, cell) => {
    const [i, j] = [Math.floor(cell / n), cell % n]
    return rows.reduce((sum, _row, k) => sum + at(i, k) * at(j, k), i === j ? 1 : 0)
  })
  const x = Float64Array.from({ length: n }, (_, i) => i - 4)
  const b = x.map((_, i) => x.reduce((sum, value, j) => sum + (matrix[i * n + j] ?? 0) * value, 0))
  assert.equal(decompose(matrix, n), true)
  const found = solveFactored(matrix, b)
  for (const [i, value] of x.entries()) assert.ok(Math.abs((found[i] ?? 0) - value) < 1e-9)
})

it('says what is not positive definite', () => {
  assert.equal(decompose(Float64Array.of(1, 0, 2, 1), 2), false)
  assert.equal(decompose(Float64Array.of(0), 1), false)
})
