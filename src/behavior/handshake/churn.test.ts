import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isKnownIn, knownIn, makeKnown, newChurnWatch, partsOf, watchChurn } from './churn.ts'

const GROUP = '192.0.2.0/24'
const cycled = (i: number) => `t13d311000_${i.toString(16).padStart(12, '0')}_1f22a2ca17c4`
const ordinary = (i: number) => `t13d${i}_${i.toString(16).padStart(12, 'b')}_${i}`.padEnd(36, 'c')

/** A thousand connections of twenty kinds of clients. */
function settled() {
  const watch = newChurnWatch()
  for (let i = 0; i < 1000; i++) watchChurn(watch, ordinary(i % 20), `10.0.${i % 30}.0/24`, 4)
  return watch
}

describe('watchChurn()', () => {
  it('sees ever new fingerprints that share a part, after a few', () => {
    const watch = settled()
    let first = 0
    for (let i = 1; i <= 20 && first === 0; i++) {
      if (watchChurn(watch, cycled(i), GROUP, 4) !== undefined) first = i
    }
    assert.ok(first >= 8 && first <= 9, `${first}`)
  })

  it('leaves fingerprints alone that were known before', () => {
    const watch = settled()
    const known = 't13d181000_85036bcba153_1f22a2ca17c4'
    for (let i = 0; i < 10; i++) watchChurn(watch, known, GROUP, 4)
    let churn: ReturnType<typeof watchChurn>
    for (let i = 0; i < 30; i++) churn = watchChurn(watch, cycled(i), GROUP, 4) ?? churn
    assert.ok(churn !== undefined && knownIn(churn).includes(known))
    assert.equal(watchChurn(watch, known, GROUP, 4), undefined)
  })

  it('does not mind a network that brings seven versions of one browser at once', () => {
    const watch = settled()
    for (let i = 0; i < 7; i++) assert.equal(watchChurn(watch, cycled(i), GROUP, 3), undefined)
    for (let i = 0; i < 70; i++) assert.equal(watchChurn(watch, cycled(i % 7), GROUP, 3), undefined)
  })

  it('lets newcomers become known, also when who changes each time has filled its memory', () => {
    const watch = settled()
    for (let i = 0; i < 1000; i++) watchChurn(watch, cycled(i), GROUP, 3)
    const honest = cycled(5000)
    for (let i = 0; i < 3; i++) {
      watchChurn(watch, honest, GROUP, 3)
      watchChurn(watch, cycled(2000 + i), GROUP, 3)
    }
    assert.ok(isKnownIn(watch, GROUP, 'c:1f22a2ca17c4', honest))
    assert.ok(!isKnownIn(watch, GROUP, 'c:1f22a2ca17c4', cycled(2000)))
    const believed = cycled(6000)
    makeKnown(watch, GROUP, believed)
    assert.equal(watchChurn(watch, believed, GROUP, 3), undefined)
  })

  it('does not mind new kinds of clients, nor the beginning', () => {
    const watch = newChurnWatch()
    // Twelve clients with the same extensions, all new, taking turns.
    for (let i = 0; i < 240; i++) {
      assert.equal(watchChurn(watch, cycled(i % 12), GROUP, 4), undefined)
    }
    // ... and later every fifth connection is of one of three new ones.
    for (let i = 0; i < 100; i++) {
      const ja4 = cycled(i % 5 === 0 ? 100 + (i % 3) : i % 12)
      assert.equal(watchChurn(watch, ja4, GROUP, 4), undefined, `${i}`)
    }
  })

  it('keeps its bounds', () => {
    const watch = newChurnWatch()
    for (let i = 0; i < 6000; i++) watchChurn(watch, ordinary(i), `10.${i >> 8}.${i & 255}.0/24`, 4)
    assert.ok(watch.churns.size <= 4096)
    for (let i = 0; i < 1000; i++) watchChurn(watch, cycled(i), GROUP, 4)
    for (const { sightings } of watch.churns.values()) assert.ok(sightings.size <= 256)
  })
})

it('partsOf() names the hashed parts of a JA4, none of what is no JA4', () => {
  assert.deepEqual(partsOf('t13d_aa_bb'), ['b:aa', 'c:bb'])
  assert.deepEqual(partsOf(''), [])
})
