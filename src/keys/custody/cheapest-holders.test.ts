import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cheapestHolders, cheapestParts, type HolderPrices } from './cheapest-holders.ts'
import { isPlacement, type Sharing } from './domain-rule.ts'

/** Looks at every choice there is. */
function cheapestOfAll(domains: readonly string[], sharing: Sharing, prices: HolderPrices): number {
  let least = Number.POSITIVE_INFINITY
  for (let bits = 0; bits < 2 ** domains.length; bits++) {
    const holders = [...domains.keys()].filter((node) => (bits >> node) & 1)
    if (!isPlacement(domains, sharing, holders)) continue
    let cost = holders.reduce((sum, node) => sum + (prices.share[node] ?? 0), 0)
    for (const [operation, nodes] of cheapestParts(sharing, prices, holders).entries()) {
      cost += nodes.reduce((sum, node) => sum + (prices.part[operation]?.[node] ?? 0), 0)
    }
    least = Math.min(least, cost)
  }
  return least
}

describe('cheapestHolders()', () => {
  it('finds the least of all choices within the rule', () => {
    const price = fc.integer({ min: 0, max: 50 })
    const cases = fc.integer({ min: 3, max: 10 }).chain((count) => {
      const list = fc.array(price, { minLength: count, maxLength: count })
      return fc.record({
        domains: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), {
          minLength: count,
          maxLength: count,
        }),
        sharing: fc.constantFrom(
          { holders: 3, threshold: 2 },
          { holders: 5, threshold: 3 },
          { holders: 4, threshold: 3 },
        ),
        prices: fc.record({ share: list, part: fc.array(list, { maxLength: 4 }) }),
      })
    })
    fc.assert(
      fc.property(cases, ({ domains, sharing, prices }) => {
        const { holders, cost, floor } = cheapestHolders(domains, sharing, prices)
        assert.equal(cost, cheapestOfAll(domains, sharing, prices))
        if (cost === Number.POSITIVE_INFINITY) assert.deepEqual(holders, [])
        else assert.ok(isPlacement(domains, sharing, holders))
        assert.equal(floor, cost)
      }),
      { numRuns: 300, seed: 20261122 },
    )
  })

  it('of too many choices takes a good one, and says what none can be below', () => {
    // A hundred nodes alike: nothing tells them apart, so every bound is met.
    const domains = Array.from({ length: 100 }, (_, node) => `${node % 50}`)
    const wave = (step: number) => domains.map((_, node) => 10 + ((node * step) % 7))
    const prices = { share: wave(0), part: [wave(3), wave(5), wave(2)] }
    const { holders, cost, floor } = cheapestHolders(domains, { holders: 9, threshold: 5 }, prices)
    assert.equal(holders.length, 9)
    assert.ok(floor <= cost && floor > 0.8 * cost, `${floor} ${cost}`)
  })
})
