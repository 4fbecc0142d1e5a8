import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../../math/seeded-chance.ts'
import { orderHolders } from './choose-holders.ts'

const random = { fraction: seededFraction(7), bytes: () => assert.fail('no secrets here') }
const holder = (id: string, chance = 1, isAway = false, isExcluded = false) => ({
  ...{ id, chance, isAway, isExcluded },
})
const DRAWS = 20_000

/** How often each is among the first three, of all draws. */
function shares(holders: readonly ReturnType<typeof holder>[]): Record<string, number> {
  const counts = new Map(holders.map(({ id }) => [id, 0]))
  for (let i = 0; i < DRAWS; i++) {
    const order = orderHolders(holders, 3, random)
    assert.equal(new Set(order).size, holders.length)
    for (const { id } of order.slice(0, 3)) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].map(([id, count]) => [id, count / DRAWS]))
}

describe('orderHolders()', () => {
  it('draws all alike when nothing else is said', () => {
    const ids = ['a', 'b', 'c', 'd', 'e']
    for (const [id, share] of Object.entries(shares(ids.map((one) => holder(one))))) {
      // Four standard deviations of 20000 draws at 0.6.
      assert.ok(Math.abs(share - 0.6) < 0.014, `${id} ${share}`)
    }
  })

  it('draws each as often as its chance says, and none more than always', () => {
    const drawn = shares([
      ...[holder('a', 0.9), holder('b', 0.9), holder('c', 0.6), holder('d', 0.4)],
      holder('e', 0.2),
    ])
    const wanted = { a: 0.9, b: 0.9, c: 0.6, d: 0.4, e: 0.2 }
    for (const [id, share] of Object.entries(wanted)) {
      assert.ok(Math.abs((drawn[id] ?? 0) - share) < 0.014, `${id} ${drawn[id]}`)
    }
    const always = shares([holder('a', 100), holder('b'), holder('c'), holder('d'), holder('e')])
    assert.equal(always['a'], 1)
    assert.ok(Math.abs((always['b'] ?? 0) - 0.5) < 0.015)
  })

  it('asks who is away after all others, and who has lied last', () => {
    const holders = [
      holder('liar', 1, false, true),
      ...[holder('away', 1, true), holder('a'), holder('b'), holder('c', 0)],
    ]
    for (let i = 0; i < 50; i++) {
      const ids = orderHolders(holders, 3, random).map(({ id }) => id)
      assert.deepEqual(ids.slice(3), ['away', 'liar'])
    }
  })
})
