import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { drawScalar } from '../../crypto/prime-group.ts'
import { NONCE_BATCH, NoncePool } from './nonce-pool.ts'

const random = systemRandom()
const { ed25519 } = await sodiumGroups()
const share = { point: 1, share: drawScalar(ed25519, random) }

describe('NoncePool', () => {
  it('gives what it has committed to once, to whom it was for', () => {
    const pool = new NoncePool(ed25519, random)
    const [first = assert.fail(), second = assert.fail()] = pool.commit('a', share)
    assert.equal(pool.take('b', first), undefined)
    assert.deepEqual(pool.take('a', first)?.commitment, first)
    assert.equal(pool.take('a', first), undefined)
    assert.ok(pool.take('a', second) !== undefined)
    assert.equal(pool.take('a', { ...first, hiding: new Uint8Array(32) }), undefined)
  })

  it('lets go of the oldest of an owner that has asked for too many', () => {
    const pool = new NoncePool(ed25519, random)
    const [first = assert.fail()] = pool.commit('a', share)
    for (let i = 0; i < 15; i++) pool.commit('a', share)
    assert.ok(pool.take('a', first) !== undefined)
    const latest = pool.commit('a', share)
    assert.equal(latest.length, NONCE_BATCH)
    pool.commit('a', share)
    assert.ok(latest.every((one) => pool.take('a', one) !== undefined))
  })
})
