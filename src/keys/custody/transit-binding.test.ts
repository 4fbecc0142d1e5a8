import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { octetsOf } from '../../ground/octets.ts'
import { transitBinding } from './transit-binding.ts'

describe('transitBinding()', () => {
  it('is the hash that its header says', () => {
    const wanted = createHash('sha256')
      .update('limen/transit/1\0')
      .update(Uint8Array.of(0, 0, 0, 3))
      .update('ctxdata')
      .digest('hex')
    const bound = transitBinding(octetsOf('ctx'), octetsOf('data'))
    assert.equal(Buffer.from(bound).toString('hex'), wanted)
  })

  it('tells where the context ends', () => {
    const pairs = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['', 'abc'],
      ['abc', ''],
    ] as const
    const all = pairs.map(([context, data]) =>
      Buffer.from(transitBinding(octetsOf(context), octetsOf(data))).toString('hex'),
    )
    assert.equal(new Set(all).size, pairs.length)
  })
})
