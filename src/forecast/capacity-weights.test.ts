import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  CHANGE_LEAST,
  FACTOR_MAX,
  factorsByCapacity,
  type WeighedServer,
} from './capacity-weights.ts'

const server = (load: number, more: Partial<WeighedServer> = {}): WeighedServer => ({
  ...{ weight: 1, limit: { load, known: true }, factor: 1, ...more },
})

describe('factorsByCapacity()', () => {
  it('gives each its share of what all carry', () => {
    assert.deepEqual(factorsByCapacity([server(100), server(200), server(300)]), [0.5, 1, 1.5])
    // Configured two to one, and two to one is what they carry.
    assert.deepEqual(factorsByCapacity([server(200, { weight: 2 }), server(100)]), [1, 1])
  })

  it('leaves alone whose limit is not known, who takes nothing, and all when only one is known', () => {
    const unknown = server(900, { limit: { load: 900, known: false, atMost: 3000 } })
    assert.deepEqual(factorsByCapacity([server(100), server(300), unknown]), [0.5, 1.5, 1])
    assert.deepEqual(
      factorsByCapacity([server(100), server(300), server(1, { weight: 0 })]),
      [0.5, 1.5, 1],
    )
    assert.deepEqual(factorsByCapacity([server(100), unknown]), [1, 1])
    assert.deepEqual(
      factorsByCapacity([server(100, { factor: 2 }), unknown]),
      [1, 1],
      'not any more',
    )
    assert.deepEqual(factorsByCapacity([]), [])
  })

  it('is bounded to a factor of four either way', () => {
    const [least, most] = factorsByCapacity([
      server(1),
      ...Array.from({ length: 9 }, () => server(2)),
      server(1000),
    ]).filter((_, i) => i === 0 || i === 10)
    assert.deepEqual([least, most], [1 / FACTOR_MAX, FACTOR_MAX])
  })

  it('changes nothing for a tenth', () => {
    assert.deepEqual(factorsByCapacity([server(95), server(105)]), [1, 1])
    assert.deepEqual(factorsByCapacity([server(80), server(120)]), [0.8, 1.2])
    const factors = [server(84, { factor: 0.8 }), server(116, { factor: 1.2 })]
    assert.deepEqual(factorsByCapacity(factors), [0.8, 1.2])
  })

  it('holds for whatever was measured, and settles at once', () => {
    const any = fc.record({
      weight: fc.nat(256),
      limit: fc.record({ load: fc.double({ min: 0, max: 1e9, noNaN: true }), known: fc.boolean() }),
      factor: fc.double({ min: 1 / FACTOR_MAX, max: FACTOR_MAX, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), (servers) => {
        const factors = factorsByCapacity(servers)
        for (const [i, factor] of factors.entries()) {
          const before = servers[i]?.factor ?? 0
          assert.ok(factor >= 1 / FACTOR_MAX && factor <= FACTOR_MAX)
          assert.ok(factor === before || Math.abs(factor / before - 1) > CHANGE_LEAST)
        }
        const next = servers.map((one, i) => ({ ...one, factor: factors[i] ?? 1 }))
        assert.deepEqual(factorsByCapacity(next), factors)
      }),
      { seed: 20261122 },
    )
  })
})
