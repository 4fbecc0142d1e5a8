import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { AssembledKeys } from './assembled-keys.ts'

const KEY = new Uint8Array(16).fill(1)
const OTHER = new Uint8Array(16).fill(2)
let now = 0
let keys: AssembledKeys
beforeEach(() => {
  now = 0
  keys = new AssembledKeys({ now: () => now }, systemRandom())
})

describe('AssembledKeys', () => {
  it('zeroes a secret when its time is over, its generation or it is replaced, and at the end', () => {
    const put = (generation = 1, key = KEY) => {
      const secret = new Uint8Array(4).fill(9)
      keys.put(key, generation, secret)
      return secret
    }
    const first = put()
    assert.equal(keys.get(KEY, 1), first)
    assert.equal(keys.get(KEY, 2), undefined)
    assert.equal(keys.get(OTHER, 1), undefined)
    assert.deepEqual([keys.hits, keys.misses], [1, 2])
    const second = put(2)
    assert.deepEqual([...first], [0, 0, 0, 0])
    now = 30_000
    assert.equal(keys.get(KEY, 2), undefined)
    keys.sweep()
    assert.deepEqual([...second], [0, 0, 0, 0])
    const third = put()
    keys.forget(KEY)
    assert.deepEqual([...third], [0, 0, 0, 0])
    const fourth = put(1, OTHER)
    keys.close()
    assert.deepEqual([...fourth], [0, 0, 0, 0])
  })

  it('takes a session once, for what and whom it was begun, in time', () => {
    const begin = () => keys.begin(KEY, 1, 'a') ?? assert.fail()
    const session = begin()
    assert.ok(keys.end(session, KEY, 1, 'a'))
    assert.ok(!keys.end(session, KEY, 1, 'a'))
    assert.ok(!keys.end(begin(), OTHER, 1, 'a'))
    assert.ok(!keys.end(begin(), KEY, 2, 'a'))
    assert.ok(!keys.end(begin(), KEY, 1, 'b'))
    const late = begin()
    now = 10_000
    assert.ok(!keys.end(late, KEY, 1, 'a'))
  })

  it('begins no more sessions at once than it has room for', () => {
    for (let i = 0; i < 4096; i++) assert.ok(keys.begin(KEY, 1, 'a') !== undefined)
    assert.equal(keys.begin(KEY, 1, 'a'), undefined)
    now = 10_000
    assert.ok(keys.begin(KEY, 1, 'a') !== undefined)
  })
})
