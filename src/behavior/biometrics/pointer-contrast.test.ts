import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawNormal, seededFraction } from '../../math/seeded-chance.ts'
import { fitPointerContrast, pointerContrast } from './pointer-contrast.ts'
import { quantilesOf, sortedColumn } from './quantile-share.ts'

const fraction = seededFraction(1)
/** Two features: the first has its middle there, the second tells nothing. */
const drawn = (count: number, middle: number): Float64Array[] =>
  Array.from({ length: count }, () =>
    Float64Array.of(middle + drawNormal(fraction), drawNormal(fraction)),
  )
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe('fitPointerContrast()', () => {
  const own = drawn(400, 0)
  const quantiles = [0, 1].map((j) => quantilesOf(sortedColumn(own, j)))
  const contrast = fitPointerContrast(quantiles, own, [...drawn(200, 1), ...drawn(200, 2)])
  const scoresOf = (middle: number) =>
    Array.from({ length: 50 }, () => pointerContrast(contrast, quantiles, drawn(20, middle)))

  it('tells others from the person, whom it has not seen either', () => {
    const [mine, theirs] = [scoresOf(0), scoresOf(1.5)]
    assert.ok(mean(mine) < -0.2 && mean(theirs) > 0.2, `${mean(mine)} ${mean(theirs)}`)
    assert.ok(Math.max(...mine) < Math.min(...theirs))
  })

  it('goes by what differs, and takes what is missing for nothing', () => {
    const [, share = 0, noise = 1] = contrast
    assert.ok(Math.abs(share) > 5 * Math.abs(noise))
    const missing = [Float64Array.of(Number.NaN, Number.NaN)]
    assert.equal(pointerContrast(contrast, quantiles, missing), contrast[0])
  })

  it('is finite where a feature was never seen', () => {
    const blind = [quantiles[0] ?? new Float64Array(), new Float64Array()]
    const fitted = fitPointerContrast(blind, own, drawn(100, 1))
    assert.ok(fitted.every(Number.isFinite))
  })
})
