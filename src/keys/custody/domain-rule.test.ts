import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { hasPlacement, isPlacement } from './domain-rule.ts'

describe('hasPlacement()', () => {
  it('is true exactly where some of the nodes are a placement', () => {
    const nodes = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 8 })
    const seen = { yes: 0, no: 0 }
    fc.assert(
      fc.property(nodes, fc.nat(3), fc.nat(3), (domains, more, least) => {
        const sharing = { threshold: 1 + least, holders: 1 + least + more }
        const choices = Array.from({ length: 2 ** domains.length }, (_, bits) =>
          [...domains.keys()].filter((node) => (bits >> node) & 1),
        )
        const isThere = choices.some((choice) => isPlacement(domains, sharing, choice))
        seen[isThere ? 'yes' : 'no']++
        assert.equal(hasPlacement(domains, sharing), isThere)
      }),
      { seed: 20261122, numRuns: 3000 },
    )
    assert.ok(seen.yes > 200 && seen.no > 200, JSON.stringify(seen))
  })
})
