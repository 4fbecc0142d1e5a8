import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Random } from './random.ts'
import { ulids, ulidTime } from './ulid.ts'

/** Bytes 0, 1, 2, ... and a count of the calls. */
function counting(): Random & { calls: number } {
  let next = 0
  return {
    calls: 0,
    bytes(length) {
      this.calls++
      return Uint8Array.from({ length }, () => next++ & 255)
    },
    fraction: () => 0,
  }
}

describe('ulids()', () => {
  it('writes the time as the specification does', () => {
    assert.equal(ulids(counting())(1469922850259).slice(0, 10), '01ARZ3NDEK')
    assert.equal(ulids(counting())(281474976710655).slice(0, 10), '7ZZZZZZZZZ')
  })

  it('writes a time that ulidTime() reads', () => {
    for (const time of [0, 1469922850259, 281474976710655]) {
      assert.equal(ulidTime(ulids(counting())(time)), time)
    }
  })

  it('writes the 80 bits of chance in Crockford base 32', () => {
    // 00 01 02 03 04 05 06 07 08 09: five bits at a time.
    assert.equal(ulids(counting())(0).slice(10), '000G40R40M30E209')
  })

  it('makes ids that sort in the order of their making', () => {
    const nextId = ulids(counting())
    const times = [5, 5, 5, 6, 7, 7, 1000, 1000]
    const ids = times.map(nextId)
    assert.deepEqual([...ids].sort(), ids)
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, /^[0-9A-HJKMNP-TV-Z]{26}$/)
  })

  it('keeps the order when the clock steps back', () => {
    const nextId = ulids(counting())
    assert.ok(nextId(1000) < nextId(400))
  })

  it('carries when it counts up', () => {
    const nextId = ulids({ bytes: (n) => new Uint8Array(n).fill(255), fraction: () => 0 })
    assert.equal(nextId(1).slice(10), 'ZZZZZZZZZZZZZZZZ')
    assert.equal(nextId(1).slice(10), '0000000000000000')
  })

  it('asks the source once for some 400 ids', () => {
    const random = counting()
    const nextId = ulids(random)
    for (let now = 0; now < 409; now++) nextId(now)
    assert.equal(random.calls, 1)
    nextId(409)
    assert.equal(random.calls, 2)
  })
})
