import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { keepSmallest } from './keep-smallest.ts'

describe('keepSmallest()', () => {
  it('keeps what sorting all of them would keep', () => {
    const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 4 })
    fc.assert(
      fc.property(numbers, (all) => {
        const smallest = new Float64Array(4).fill(Number.POSITIVE_INFINITY)
        for (const value of all) assert.equal(keepSmallest(smallest, value), smallest[3])
        const wanted = all.map((value) => value + 0).sort((a, b) => a - b)
        assert.deepEqual(
          [...smallest].map((value) => value + 0),
          wanted.slice(0, 4),
        )
      }),
      { seed: 20261122 },
    )
  })

  it('leaves out NaN', () => {
    const smallest = Float64Array.of(1, 2)
    assert.equal(keepSmallest(smallest, Number.NaN), 2)
    assert.deepEqual([...smallest], [1, 2])
  })
})
