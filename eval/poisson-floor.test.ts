import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../src/math/seeded-chance.ts'
import { noiseFloor, poissonDeviation } from './poisson-floor.ts'

describe('poissonDeviation()', () => {
  it('is the sum of its definition', () => {
    for (const rate of [0.3, 1, 1.7, 4.5, 42, 150]) {
      const shares = [Math.exp(-rate)]
      for (let n = 1; n < 400; n++) shares.push(((shares[n - 1] ?? 0) * rate) / n)
      const around = (m: number) => shares.reduce((sum, p, n) => sum + p * Math.abs(n - m), 0)
      const least = Math.min(...shares.map((_, m) => around(m)))
      assert.ok(Math.abs(poissonDeviation(rate) - least) < 1e-9, `${rate}`)
    }
  })

  it('is nothing for a rate of nothing, and goes on where it is taken from the normal distribution', () => {
    assert.equal(poissonDeviation(0), 0)
    const [below, above] = [poissonDeviation(200), poissonDeviation(200.0001)]
    assert.ok(Math.abs(below / above - 1) < 0.002, `${below} ${above}`)
    assert.ok(Number.isNaN(poissonDeviation(Number.NaN)))
  })
})

/** Error of the mean of four others, of variance v (1 + 1/4), over that of one other, of 2 v. */
const OF_FOUR = Math.sqrt(1.25 / 2)

describe('noiseFloor()', () => {
  const chance = seededFraction(3)
  const drawn = (rate: number): number => {
    const end = Math.exp(-rate)
    let count = 0
    for (let product = chance(); product > end; product *= chance()) count++
    return count
  }

  it('of counts by chance at one rate: all that a forecast can gain is the noise of the last value', () => {
    // |N - N'| of two of variance v is sqrt(2) times |N - rate|.
    const values = Float64Array.from({ length: 40_000 }, () => drawn(40))
    const { poisson, beside } = noiseFloor(values, 9, 15)
    assert.ok(Math.abs(poisson - Math.SQRT1_2) < 0.01, `${poisson}`)
    assert.ok(Math.abs(beside - OF_FOUR) < 0.01, `${beside}`)
  })

  it('of counts twice as uneven it is too low, and the minutes beside say so', () => {
    const twos = Float64Array.from({ length: 40_000 }, () => 2 * drawn(20))
    const { poisson, beside } = noiseFloor(twos, 9, 15)
    assert.ok(Math.abs(poisson - 0.5) < 0.01, `${poisson}`)
    assert.ok(Math.abs(beside - OF_FOUR) < 0.01, `${beside}`)
  })

  it('leaves out what is not known', () => {
    const values = Float64Array.from({ length: 4000 }, () => drawn(40))
    const gaps = values.map((value, t) => (t % 50 === 0 ? Number.NaN : value))
    const { poisson } = noiseFloor(gaps, 9, 15)
    assert.ok(Math.abs(poisson - Math.SQRT1_2) < 0.03, `${poisson}`)
  })
})
