import assert from 'node:assert/strict'
import { createDecipheriv } from 'node:crypto'
import { describe, it } from 'node:test'
import { memoryWrappingKey } from './memory-key.ts'
import { systemRandom } from './system-random.ts'

const random = systemRandom()
const reference = random.bytes(16)

describe('memoryWrappingKey()', () => {
  it('zeroes the key it is given, and wraps as documented', async () => {
    const secret = random.bytes(32)
    const given = new Uint8Array(secret)
    const key = memoryWrappingKey(given, reference, random)
    assert.deepEqual(given, new Uint8Array(32))
    const data = random.bytes(32)
    const wrapped = await key.wrap(data)
    assert.deepEqual([wrapped.length, wrapped[0]], [61, 1])
    const decipher = createDecipheriv('aes-256-gcm', secret, wrapped.subarray(1, 13))
    decipher.setAAD(reference).setAuthTag(wrapped.subarray(45))
    const plain = Buffer.concat([decipher.update(wrapped.subarray(13, 45)), decipher.final()])
    assert.deepEqual(new Uint8Array(plain), data)
    assert.deepEqual(await key.unwrap(wrapped), data)
  })

  it('opens nothing that was changed, cut, or wrapped under another reference', async () => {
    const key = memoryWrappingKey(new Uint8Array(32), reference, random)
    const wrapped = await key.wrap(random.bytes(32))
    for (let at = 0; at < wrapped.length; at++) {
      const changed = new Uint8Array(wrapped)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(await key.unwrap(changed), undefined, `octet ${at}`)
    }
    assert.equal(await key.unwrap(wrapped.subarray(0, 60)), undefined)
    const other = memoryWrappingKey(new Uint8Array(32), random.bytes(16), random)
    assert.equal(await other.unwrap(wrapped), undefined)
  })

  it('is of no use when it is closed', async () => {
    const key = memoryWrappingKey(new Uint8Array(32), reference, random)
    const wrapped = await key.wrap(new Uint8Array(32))
    key.close()
    await assert.rejects(key.unwrap(wrapped), RangeError)
    await assert.rejects(key.wrap(new Uint8Array(32)), RangeError)
  })
})
