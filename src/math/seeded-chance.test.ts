import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  drawExponential,
  drawGeometric,
  drawLognormal,
  drawNormal,
  seededFraction,
} from './seeded-chance.ts'

const DRAWN = 200_000

/** Mean and variance of many draws. */
function momentsOf(draw: () => number): readonly [mean: number, variance: number] {
  let sum = 0
  let squares = 0
  for (let i = 0; i < DRAWN; i++) {
    const value = draw()
    sum += value
    squares += value * value
  }
  return [sum / DRAWN, squares / DRAWN - (sum / DRAWN) ** 2]
}

function assertNear(got: number, wanted: number, share: number): void {
  assert.ok(Math.abs(got - wanted) <= share * Math.max(1, wanted), `${got}, not ${wanted}`)
}

describe('seededFraction()', () => {
  it('gives the same from the same seed and another from the next', () => {
    const some = (seed: number) => Array.from({ length: 5 }, seededFraction(seed))
    assert.deepEqual(some(3), some(3))
    assert.notDeepEqual(some(3), some(4))
  })

  it('is even: mean 1/2, variance 1/12, within [0, 1), neighbours without relation', () => {
    const fraction = seededFraction(0)
    const [mean, variance] = momentsOf(fraction)
    assertNear(mean, 1 / 2, 0.005)
    assertNear(variance, 1 / 12, 0.002)
    const [product] = momentsOf(() => (fraction() - 0.5) * (fraction() - 0.5))
    assertNear(product, 0, 0.002)
  })
})

describe('draws', () => {
  const fraction = seededFraction(20261121)
  it('have the moments of their distributions', () => {
    const cases: readonly (readonly [() => number, number, number])[] = [
      [() => drawExponential(fraction, 2), 2, 4],
      [() => drawNormal(fraction), 0, 1],
      [() => drawLognormal(fraction, 3, 0.5), 3, 9 * (Math.exp(0.25) - 1)],
      [() => drawLognormal(fraction, 3, 0), 3, 0],
      [() => drawGeometric(fraction, 4), 4, 12],
      [() => drawGeometric(fraction, 1), 1, 0],
    ]
    for (const [draw, mean, variance] of cases) {
      const [gotMean, gotVariance] = momentsOf(draw)
      assertNear(gotMean, mean, 0.02)
      assertNear(gotVariance, variance, 0.04)
    }
  })
})
