import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { rendezvousOwner } from './rendezvous.ts'

const SEED = 20261121
const ids = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), {
  minLength: 1,
  maxLength: 9,
})
const keys = Array.from({ length: 6000 }, (_, i) => Buffer.from(`session ${i}`).toString('base64'))

describe('rendezvousOwner()', () => {
  it('owns nothing among none', () => {
    assert.equal(rendezvousOwner('k', []), undefined)
  })

  it('is one of the ids, whatever their order', () => {
    fc.assert(
      fc.property(ids, fc.string(), (all, key) => {
        const owner = rendezvousOwner(key, all)
        assert.ok(owner !== undefined && all.includes(owner))
        assert.equal(rendezvousOwner(key, [...all].reverse()), owner)
      }),
      { seed: SEED },
    )
  })

  it('gives each of five about a fifth', () => {
    const all = ['edge-1', 'edge-2', 'edge-3', 'edge-4', 'edge-5']
    const shares = new Map<string, number>()
    for (const key of keys) {
      const owner = rendezvousOwner(key, all) ?? ''
      shares.set(owner, (shares.get(owner) ?? 0) + 1)
    }
    assert.equal(shares.size, 5)
    // The spread of a fair draw: 5 standard deviations of a binomial with n = 6000 and p = 1/5.
    const spread = 5 * Math.sqrt(6000 * 0.2 * 0.8)
    for (const [id, count] of shares) assert.ok(Math.abs(count - 1200) < spread, `${id}: ${count}`)
  })

  it('moves only the keys of an id that goes', () => {
    fc.assert(
      fc.property(ids, fc.nat(), (all, which) => {
        const gone = all[which % all.length] ?? ''
        const left = all.filter((id) => id !== gone)
        for (const key of keys.slice(0, 50)) {
          const before = rendezvousOwner(key, all)
          if (before !== gone) assert.equal(rendezvousOwner(key, left), before)
        }
      }),
      { seed: SEED },
    )
  })
})
