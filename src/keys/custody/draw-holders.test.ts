import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { drawHolders } from './draw-holders.ts'

const SEED = 1949

/** Chances of 2 to 12 nodes that add up to a whole number: ones, zeroes and anything between. */
const chances = fc
  .tuple(fc.integer({ min: 2, max: 12 }), fc.nat(), fc.nat(3))
  .map(([count, seed, ones]) => {
    const random = seededRandom(seed)
    const all = new Float64Array(count)
    const target = 1 + Math.floor(random.fraction() * (count - 1))
    let left = target
    for (let i = 0; i < count && left > 0; i++) {
      // What the nodes after this one cannot take, it has to.
      const least = Math.max(0, left - (count - 1 - i))
      const most = Math.min(1, left)
      const chosen = i < ones ? most : least + random.fraction() * (most - least)
      all[i] = i === count - 1 ? left : chosen
      left -= all[i] ?? 0
    }
    return { all, target }
  })

describe('drawHolders()', () => {
  it('draws as many distinct nodes as the chances add up to, none of chance 0, all of chance 1', () => {
    const at = fc.oneof(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.constant(0),
    )
    fc.assert(
      fc.property(chances, at, ({ all, target }, where) => {
        const drawn = drawHolders(all, where)
        assert.equal(drawn.length, target)
        assert.deepEqual(
          drawn,
          [...new Set(drawn)].sort((a, b) => a - b),
        )
        for (const [node, chance] of all.entries()) {
          if (chance === 0) assert.ok(!drawn.includes(node))
          if (chance === 1) assert.ok(drawn.includes(node))
        }
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })

  it('draws each node as often as its chance says: over all of [0, 1)', () => {
    fc.assert(
      fc.property(chances, ({ all }) => {
        // Between the fractions of the sums nothing changes.
        let sum = 0
        const ends = [...all].map((chance) => {
          sum += chance
          return sum % 1
        })
        const marks = [0, ...ends, 1].sort((a, b) => a - b)
        const often = new Float64Array(all.length)
        for (const [i, end] of marks.slice(1).entries()) {
          const begin = marks[i] ?? 0
          if (end - begin < 1e-8) continue
          for (const node of drawHolders(all, (begin + end) / 2)) {
            often[node] = (often[node] ?? 0) + (end - begin)
          }
        }
        for (const [node, chance] of all.entries()) {
          assert.ok(Math.abs((often[node] ?? 0) - chance) < 1e-6)
        }
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it('draws enough at the very end, too', () => {
    assert.deepEqual(drawHolders([1, 1, 1, 0, 0], 1 - 2 ** -53), [0, 1, 2])
    assert.deepEqual(drawHolders([1, 0.5, 0.5], 1 - 2 ** -53), [0, 2])
    assert.deepEqual(drawHolders([0.5, 0.5], 1 - 2 ** -53), [1])
    assert.deepEqual(drawHolders([0.1, 0.2, 0.3, 0.4, 0], 1 - 2 ** -53), [3])
  })

  it('throws for what are no chances, and for sums that are not whole', () => {
    for (const bad of [
      [-0.5, 1.5],
      [2, 0],
      [Number.NaN, 1],
      [0.5, 0.4],
    ]) {
      assert.throws(() => drawHolders(bad, 0.5), RangeError)
    }
  })
})
