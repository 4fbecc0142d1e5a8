import assert from 'node:assert/strict'
import { it } from 'node:test'
import { chanceBelow, expectedImprovement, gaussianProcess } from './gaussian-process.ts'

const near = (actual: number, expected: number, within = 1e-9) =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`)

it('two observations by hand', () => {
  // Centre 2, unit 1: -1 at 0 and 1 at 3; the kernel between them is exp(-4.5), the noise 0.1.
  const believe = gaussianProcess([0, 3], [1, 3], { lengthScale: 1, noise: 0.1 })
  const k = Math.exp(-4.5)
  // The matrix [[1.01, k], [k, 1.01]] has the eigenvectors (1, 1) and (1, -1).
  near(believe(0).mean, 2 + (k - 1) / (1.01 - k))
  const [sum, difference] = [(1 + k) ** 2 / (1.01 + k), (1 - k) ** 2 / (1.01 - k)]
  near(believe(0).sd, Math.sqrt(1 - (sum + difference) / 2))
})

it('goes through what was observed without noise, and knows nothing far away', () => {
  const believe = gaussianProcess([0, 1, 2], [5, 7, 6], { lengthScale: 1, noise: 0 })
  for (const [x, y] of [
    [0, 5],
    [1, 7],
    [2, 6],
  ] as const) {
    near(believe(x).mean, y, 1e-5)
    assert.ok(believe(x).sd < 1e-3)
  }
  near(believe(50).mean, 6)
  near(believe(50).sd, Math.sqrt(2 / 3))
})

it('observations that are all the same have a belief, too', () => {
  const { mean, sd } = gaussianProcess([1, 1, 1], [4, 4, 4], { lengthScale: 1, noise: 0.5 })(1)
  assert.equal(mean, 4)
  assert.ok(sd > 0 && sd < 1)
})

it('expectedImprovement(), chanceBelow(): values of the normal distribution', () => {
  near(expectedImprovement({ mean: 0, sd: 1 }, 0), 1 / Math.sqrt(2 * Math.PI))
  // z = 1: Phi(1) + phi(1).
  near(expectedImprovement({ mean: 0, sd: 1 }, 1), 0.8413447460685429 + 0.24197072451914337, 1e-9)
  near(expectedImprovement({ mean: 3, sd: 2 }, -97), 0)
  near(chanceBelow({ mean: 0, sd: 1 }, 1.959963984540054), 0.975, 1e-9)
  near(chanceBelow({ mean: 1, sd: 2 }, -1), 0.15865525393145707, 1e-9)
})
