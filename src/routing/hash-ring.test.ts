import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NO_SERVER, type ServerLoad } from './choose-server.ts'
import { chooseOnRing, hash32, hashRing } from './hash-ring.ts'

const KEYS = Array.from({ length: 5000 }, (_, n) => hash32(`client ${n}`))
const servers = (ids: string) => [...ids].map((id) => ({ id, weight: 1 }))
const idle = (count: number): ServerLoad[] =>
  Array.from({ length: count }, () => ({ weight: 1, inFlight: 0, usable: true }))
/** Far from any bound. */
const LOOSE = 1000

/** The id of the server of each key. */
function placed(ids: string, loads = idle(ids.length)): string[] {
  const ring = hashRing(servers(ids))
  return KEYS.map((key) => ids[chooseOnRing(ring, key, loads, LOOSE, NO_SERVER)] ?? '')
}

describe('chooseOnRing()', () => {
  it('moves only the keys of a server that comes or goes', () => {
    const before = placed('abcd')
    placed('abc').forEach((id, n) => {
      if (before[n] !== 'd') assert.equal(id, before[n])
    })
    placed('abcde').forEach((id, n) => {
      assert.ok(id === before[n] || id === 'e')
    })
  })
  it('moves only the keys of a server that is not usable', () => {
    const before = placed('abcd')
    const loads = idle(4)
    ;(loads[1] as ServerLoad).usable = false
    placed('abcd', loads).forEach((id, n) => {
      assert.notEqual(id, 'b')
      if (before[n] !== 'b') assert.equal(id, before[n])
    })
  })
  it('does not depend on the order of the pool', () =>
    assert.deepEqual(placed('abcd'), placed('dcba')))
  it('gives shares by weight', () => {
    const ring = hashRing([
      { id: 'a', weight: 3 },
      { id: 'b', weight: 1 },
    ])
    const loads = idle(2)
    const share =
      KEYS.filter((key) => chooseOnRing(ring, key, loads, LOOSE, NO_SERVER) === 0).length /
      KEYS.length
    assert.ok(Math.abs(share - 0.75) < 0.06, `${share}`)
  })
  it('keeps every server below its bound, whatever is popular', () => {
    const ring = hashRing(servers('abcd'))
    const loads = idle(4)
    for (let n = 0; n < 400; n++) {
      const index = chooseOnRing(ring, KEYS[0] ?? 0, loads, 1.25, NO_SERVER)
      ;(loads[index] as ServerLoad).inFlight++
    }
    for (const { inFlight } of loads) assert.ok(inFlight <= 125, `${inFlight}`)
  })
  it('never refuses for a bound, and never gives what may not be chosen', () => {
    const ring = hashRing(servers('ab'))
    const loads = idle(2)
    ;(loads[0] as ServerLoad).inFlight = 100
    ;(loads[1] as ServerLoad).usable = false
    assert.equal(chooseOnRing(ring, 5, loads, 1, NO_SERVER), 0)
    assert.equal(chooseOnRing(ring, 5, loads, 1, 0), NO_SERVER)
    assert.equal(chooseOnRing(hashRing([]), 5, [], 1, NO_SERVER), NO_SERVER)
  })
})
