import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { bearerOf } from './who-asks.ts'

const sha256 = (token: string) => new Uint8Array(createHash('sha256').update(token).digest())
const KNOWN = ['one', 'two'].map((id) => ({ role: 'app', id, sha256: sha256(`token-${id}`) }))

describe('bearerOf()', () => {
  it('knows the caller by the token alone', () => {
    assert.deepEqual(bearerOf('token-one', KNOWN), { role: 'app', id: 'one' })
    assert.deepEqual(bearerOf('token-two', KNOWN), { role: 'app', id: 'two' })
  })

  it('knows nobody by anything else', () => {
    const hashed = Buffer.from(sha256('token-one')).toString('hex')
    for (const shown of ['', 'token-on', 'token-one ', 'TOKEN-ONE', hashed, 'x'.repeat(513)]) {
      assert.equal(bearerOf(shown, KNOWN), undefined, shown)
    }
    assert.equal(bearerOf('token-one', []), undefined)
    const long = 'x'.repeat(513)
    assert.equal(bearerOf(long, [{ role: 'app', id: 'long', sha256: sha256(long) }]), undefined)
  })
})
