import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawNormal, seededFraction } from '../../math/seeded-chance.ts'
import type { TimingKind } from './typing-profile.ts'
import { fitResiduals, residualDeviation } from './typing-residuals.ts'

const FLIGHTS: readonly TimingKind[] = ['press-press', 'press-press', 'press-press']

/** Three flights that share one tempo: their logarithms differ from it by little. */
function sameTempo(seed: number, count: number): Float64Array[] {
  const fraction = seededFraction(seed)
  return Array.from({ length: count }, () => {
    const tempo = 0.5 * drawNormal(fraction)
    return Float64Array.from(
      { length: 3 },
      () => 0.2 * Math.exp(tempo + 0.05 * drawNormal(fraction)),
    )
  })
}

const fitted = () => {
  const fit = fitResiduals(FLIGHTS, sameTempo(1, 100), new Float64Array(100).fill(1))
  assert.ok(fit !== undefined)
  return fit
}

describe('residualDeviation()', () => {
  it('sees a rhythm broken within the usual timings, and lets a slow day pass', () => {
    const fit = fitted()
    const slowDay = residualDeviation(fit, Float64Array.of(0.35, 0.35, 0.35))
    // Each of these is nearer to its median than those.
    const broken = residualDeviation(fit, Float64Array.of(0.27, 0.15, 0.2))
    assert.ok(broken > 3 * slowDay, `${broken} against ${slowDay}`)
  })

  it('is the mean over what is known; missing timings make nothing stranger', () => {
    const fit = fitted()
    const whole = residualDeviation(fit, Float64Array.of(0.2, 0.2, 0.2))
    const partly = residualDeviation(fit, Float64Array.of(0.2, Number.NaN, 0.2))
    assert.ok(partly < whole + 0.5, `${partly} against ${whole}`)
    assert.ok(Number.isNaN(residualDeviation(fit, new Float64Array(3).fill(Number.NaN))))
  })

  it('gives the same again: nothing is left over from the call before', () => {
    const fit = fitted()
    const [first, other] = [Float64Array.of(0.2, 0.3, 0.1), Float64Array.of(9, Number.NaN, 1)]
    const once = residualDeviation(fit, first)
    residualDeviation(fit, other)
    assert.equal(residualDeviation(fit, first), once)
  })
})

describe('fitResiduals()', () => {
  it('leaves out the third kind, and gives up on less than two columns', () => {
    const rows = [Float64Array.of(0.1, 0.2, 0.1)]
    const weights = Float64Array.of(1)
    const fit = fitResiduals(['hold', 'press-press', 'release-press'], rows, weights)
    assert.deepEqual(fit?.columns, Int32Array.of(0, 1))
    assert.equal(fitResiduals(['hold', 'release-press'], rows, weights), undefined)
  })

  it('stands rows that are all the same', () => {
    const rows = Array.from({ length: 20 }, () => Float64Array.of(0.1, 0.2, 0.3))
    const fit = fitResiduals(FLIGHTS, rows, new Float64Array(20).fill(1))
    assert.ok(fit !== undefined)
    assert.equal(residualDeviation(fit, Float64Array.of(0.1, 0.2, 0.3)), 0)
    assert.ok(residualDeviation(fit, Float64Array.of(0.2, 0.2, 0.3)) > 1)
  })
})
