import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  digitsOf,
  logBinomialTail,
  logChiSquareTail,
  logGamma,
  logNegativeBinomialTail,
  logNormalTails,
  logUpperGamma,
} from './tails.ts'

const near = (got: number, wanted: number, error = 1e-10) =>
  assert.ok(
    Math.abs(got - wanted) <= error * Math.max(1, Math.abs(wanted)),
    `${got}, not ${wanted}`,
  )

describe('logGamma()', () => {
  it('is the logarithm of factorials and of the square root of pi', () => {
    near(logGamma(1), 0)
    near(logGamma(11), Math.log(3628800))
    near(logGamma(0.5), Math.log(Math.PI) / 2)
  })
})

describe('tails', () => {
  it('agree with published values', () => {
    // NIST/SEMATECH e-Handbook, tables 1.3.6.7: chi-square 24.996 with 15 degrees at 0.05, 37.697 at 0.001.
    near(Math.exp(logChiSquareTail(24.996, 15)), 0.05, 1e-5)
    near(Math.exp(logChiSquareTail(37.697, 15)), 0.001, 1e-5)
    near(Math.exp(logNormalTails(1.959963984540054)), 0.05)
    near(Math.exp(logNormalTails(6)), 1.9731752898266e-9, 1e-8)
  })

  it('stay numbers where a chance is none any more', () => {
    // 1 - Phi(40) = 3.655e-350 (the asymptotic series of erfc to ten terms).
    near(digitsOf(logNormalTails(40)), 99)
    assert.ok(Math.abs(logNormalTails(40) / Math.LN10 + 349.1361) < 0.001)
    near(logBinomialTail(1000, 1000, 0.1), 1000 * Math.log(0.1))
  })

  it('sum up: binomial and negative binomial, against the plain sums', () => {
    near(Math.exp(logBinomialTail(2, 3, 0.5)), 0.5)
    near(Math.exp(logBinomialTail(1, 10, 0.1)), 1 - 0.9 ** 10)
    // Shape 1 is geometric: P(X >= k) = q^k.
    near(logNegativeBinomialTail(20, 5, 1), 20 * Math.log(5 / 6))
    // With a great shape it is Poisson: 1 less the first nine terms of e^-3 3^i / i!.
    let poisson = 1
    for (let i = 0, term = Math.exp(-3); i < 9; i++, term *= 3 / i) poisson -= term
    near(logNegativeBinomialTail(9, 3, 1e9), Math.log(poisson), 1e-6)
  })

  it('are chances: between 0 and 1, and falling', () => {
    const counts = fc.integer({ min: 0, max: 300 })
    const share = fc.double({ min: 0.001, max: 0.999, noNaN: true })
    fc.assert(
      fc.property(counts, counts, share, (k, n, p) => {
        const here = logBinomialTail(k, n, p)
        assert.ok(here <= 0 && logBinomialTail(k + 1, n, p) <= here + 1e-12)
        assert.ok(logNegativeBinomialTail(k, n * p, 1 + n) <= 0)
        const upper = logUpperGamma(0.5 + k, n * p)
        assert.ok(upper <= 0 && logUpperGamma(0.5 + k, n * p + 1) <= upper + 1e-12)
      }),
      { seed: 20261122 },
    )
  })
})
