import assert from 'node:assert/strict'
import { it } from 'node:test'
import { drawExponential, seededFraction } from '../../math/seeded-chance.ts'
import { ClockSkew } from './clock-skew.ts'

it('ClockSkew finds parts per million under jitter, and none before half a minute', () => {
  const fraction = seededFraction(4)
  for (const ppm of [0, 100, -40]) {
    const skew = new ClockSkew()
    for (let atMs = 0; atMs < 60_000; atMs += 33) {
      if (atMs > 29_000 && atMs < 29_033) assert.equal(skew.ppm(), undefined)
      skew.meet(atMs, 20 + (atMs * ppm) / 1e6 + drawExponential(fraction, 3))
    }
    const found = skew.ppm() ?? Number.NaN
    assert.ok(Math.abs(found - ppm) < 5, `${found}, not ${ppm}`)
  }
})
