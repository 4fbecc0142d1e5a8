import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { QuantileSketch, SKETCH_ERROR } from './quantile-sketch.ts'

describe('QuantileSketch', () => {
  it('is within its error of the sorted list, over seven decades', () => {
    const { fraction } = seededRandom(5)
    const sketch = new QuantileSketch()
    const values = Array.from({ length: 20_000 }, () => 10 ** (7 * fraction() - 2))
    for (const value of values) sketch.add(value)
    values.sort((a, b) => a - b)
    for (const share of [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = values[Math.floor(share * (values.length - 1))] ?? 0
      const off = Math.abs(sketch.quantile(share) / exact - 1)
      assert.ok(off <= SKETCH_ERROR * 1.0001, `${share}: ${sketch.quantile(share)}, not ${exact}`)
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    assert.ok(Math.abs(sketch.mean / mean - 1) < 1e-9)
    assert.equal(sketch.max, values.at(-1))
    assert.equal(sketch.count, 20_000)
  })

  it('knows nothing of nothing, and bounds what is beyond its range', () => {
    const sketch = new QuantileSketch()
    assert.equal(sketch.quantile(0.5), Number.NaN)
    sketch.add(0)
    assert.equal(sketch.quantile(0.5), 0)
    sketch.add(1e12)
    assert.ok(Math.abs(sketch.quantile(1) / 1e9 - 1) < 2 * SKETCH_ERROR)
  })
})
