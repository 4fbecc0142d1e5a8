import assert from 'node:assert/strict'
import { it } from 'node:test'
import { logScaleOf, offScale, onScale } from './log-scale.ts'

it('a series that is never negative goes on a logarithm, with a floor of a thousandth of its mean', () => {
  const scale = logScaleOf(Float64Array.of(0, 2000))
  assert.equal(scale.floor, 1)
  assert.equal(onScale(scale, 0), 0)
  assert.ok(Math.abs(offScale(scale, onScale(scale, 2000)) - 2000) < 1e-9)
})

it('negative values, zeros only or nothing: taken as it is', () => {
  for (const values of [[-1, 5], [0, 0], []]) {
    const scale = logScaleOf(Float64Array.from(values))
    assert.equal(onScale(scale, -3), -3)
    assert.equal(offScale(scale, -3), -3)
  }
})
