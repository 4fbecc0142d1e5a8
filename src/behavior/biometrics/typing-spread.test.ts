import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { expectedZ, fitSpread, influence, plainZ, spreadDeviation } from './typing-spread.ts'

const near = (got: number | undefined, wanted: number) =>
  assert.ok(Math.abs((got ?? Number.NaN) - wanted) < 1e-12, `${got}, not ${wanted}`)

describe('fitSpread()', () => {
  it('by hand: median and 1.4826 median absolute deviations', () => {
    const rows = [0.1, 0.2, 0.4].map((value) => Float64Array.of(value))
    const fit = fitSpread(['hold'], rows, Float64Array.of(1, 1, 1))
    near(fit.centre[0], 0.2)
    near(fit.spread[0], 0.14826)
  })

  it('has a least spread of a millisecond, and no centre where nothing was seen', () => {
    const rows = [Float64Array.of(0.1, Number.NaN), Float64Array.of(0.1, Number.NaN)]
    const fit = fitSpread(['hold', 'hold'], rows, Float64Array.of(1, 1))
    near(fit.spread[0], 0.001)
    assert.ok(Number.isNaN(fit.centre[1]))
    assert.ok(Number.isNaN(plainZ(fit, Float64Array.of(0.1, 0.1))[1]))
  })
})

describe('expectedZ()', () => {
  it('expects longer holds and shorter flights than before', () => {
    const rows = [0.1, 0.2, 0.3].map((value) => Float64Array.of(value, value, value))
    const fit = fitSpread(['hold', 'press-press', 'release-press'], rows, Float64Array.of(1, 1, 1))
    const z = expectedZ(fit, Float64Array.of(0.2, 0.2, 0.2))
    near(z[0], -0.8)
    near(z[1], 0.5)
    near(z[2], 0.5)
  })
})

describe('influence()', () => {
  it('takes a hold and a hurry at their distance, a hesitation at its logarithm, all bounded', () => {
    assert.equal(influence('hold', -2), 2)
    assert.equal(influence('hold', 100), 6)
    assert.equal(influence('press-press', -2), 2)
    assert.equal(influence('press-press', -100), 5)
    near(influence('release-press', 3), 3 * Math.log(2))
    assert.equal(influence('release-press', 100), 3)
  })
})

describe('spreadDeviation()', () => {
  it('is the mean over what is known, and nothing of nothing', () => {
    const kinds = ['hold', 'hold', 'hold'] as const
    assert.equal(spreadDeviation(kinds, Float64Array.of(1, Number.NaN, -3)), 2)
    assert.ok(Number.isNaN(spreadDeviation(kinds, new Float64Array(3).fill(Number.NaN))))
  })
})
