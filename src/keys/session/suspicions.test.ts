import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Suspicions } from './suspicions.ts'

describe('Suspicions', () => {
  it('hold for the tickets there were, and not for those that followed', () => {
    const suspicions = new Suspicions()
    assert.equal(suspicions.tierOf('a', 1), 1)
    assert.equal(suspicions.add({ session: 'a', generation: 4, tier: 2 }), true)
    assert.deepEqual(
      [3, 4, 5].map((generation) => suspicions.tierOf('a', generation)),
      [2, 2, 1],
    )
    assert.equal(suspicions.tierOf('b', 1), 1)
  })

  it('say whether they are news', () => {
    const suspicions = new Suspicions()
    suspicions.add({ session: 'a', generation: 4, tier: 2 })
    assert.equal(suspicions.add({ session: 'a', generation: 4, tier: 2 }), false)
    assert.equal(suspicions.add({ session: 'a', generation: 3, tier: 2 }), false)
    assert.equal(suspicions.add({ session: 'a', generation: 4, tier: 3 }), true)
    assert.equal(suspicions.add({ session: 'a', generation: 5, tier: 2 }), true)
    assert.equal(suspicions.tierOf('a', 5), 2)
  })

  it('are so many at most', () => {
    const suspicions = new Suspicions()
    for (let i = 0; i <= 10_000; i++) suspicions.add({ session: `s${i}`, generation: 1, tier: 2 })
    assert.equal(suspicions.tierOf('s0', 1), 1)
    assert.equal(suspicions.tierOf('s1', 1), 2)
    assert.equal(suspicions.tierOf('s10000', 1), 2)
  })
})
