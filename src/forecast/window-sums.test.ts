import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { WindowSums } from './window-sums.ts'

const OPTIONS = { lags: 3, steps: 2, season: 4, offPhaseWeight: 0.25 }
const random = seededRandom(3)
const VALUES = Float64Array.from({ length: 30 }, () => random.fraction())

/** The same sums, window after window, as the header says. */
function plainSums(length: number) {
  const gram = new Float64Array(16)
  const moments = new Float64Array(8)
  for (let t = 3; t + 2 <= length; t++) {
    const lags = [...VALUES.slice(t - 3, t)]
    const level = lags.reduce((sum, value) => sum + value, 0) / 3
    const target = [...VALUES.slice(t, t + 2)].map((value) => value - level)
    const size = target.reduce((sum, value) => sum + Math.abs(value), 0) / 2
    const weight = ((30 - t) % 4 === 0 ? 1 : 0.25) / (size + 0.05)
    const row = [1, ...lags.map((value) => value - level)]
    for (const [i, x] of row.entries()) {
      for (const [j, y] of row.entries())
        if (j <= i) gram[i * 4 + j] = (gram[i * 4 + j] ?? 0) + weight * x * y
      for (const [h, y] of target.entries())
        moments[h * 4 + i] = (moments[h * 4 + i] ?? 0) + weight * x * y
    }
  }
  return { gram, moments }
}

const near = (actual: Float64Array, expected: Float64Array) => {
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs((actual[i] ?? 9) - value) < 1e-9, `${i}`)
}

it('sums over all windows are those of the definition, whatever the steps they are added in', () => {
  const sums = new WindowSums(VALUES, OPTIONS)
  for (const length of [2, 7, 18, 30]) {
    sums.addUpTo(length)
    const { gram, moments } = plainSums(length)
    near(sums.gram, gram)
    near(sums.moments, moments)
  }
})

it('inputAt() is what the next window would see', () => {
  const sums = new WindowSums(Float64Array.of(1, 2, 6, 7), OPTIONS)
  assert.deepEqual(sums.inputAt(3), { row: Float64Array.of(1, -2, -1, 3), level: 3 })
  assert.equal(sums.inputAt(2), null)
})
