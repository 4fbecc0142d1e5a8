import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { keptSecret } from './secret-slab.ts'

describe('keptSecret()', () => {
  it('copies, each to a place of its own, over many slabs', () => {
    const secrets = Array.from({ length: 2000 }, (_, i) => randomBytes(i % 400))
    const kept = secrets.map((secret) => keptSecret(secret))
    const expected = secrets.map((secret) => Buffer.from(secret))
    for (const secret of secrets) secret.fill(0)
    assert.deepEqual(kept, expected)
    kept[7]?.fill(0)
    assert.deepEqual(kept.slice(8), expected.slice(8))
  })

  it('takes what fits a slab', () => {
    assert.equal(keptSecret(Buffer.alloc(65_536)).length, 65_536)
    assert.throws(() => keptSecret(Buffer.alloc(65_537)), RangeError)
  })
})
