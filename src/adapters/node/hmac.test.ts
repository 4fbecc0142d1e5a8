import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { hmacSha256 } from './hmac.ts'

describe('hmacSha256()', () => {
  it('passes RFC 4231, test cases 1 to 4', () => {
    const hex = (text: string) => Buffer.from(text, 'hex')
    const cases = [
      [
        '0b'.repeat(20),
        '4869205468657265',
        'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
      ],
      [
        '4a656665',
        '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
        '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
      ],
      [
        'aa'.repeat(20),
        'dd'.repeat(50),
        '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
      ],
      [
        '0102030405060708090a0b0c0d0e0f10111213141516171819',
        'cd'.repeat(50),
        '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
      ],
    ] as const
    for (const [key, data, mac] of cases)
      assert.equal(hmacSha256(hex(key), hex(data)).toString('hex'), mac)
  })

  it('agrees with OpenSSL for keys and data of all lengths', () => {
    for (let length = 0; length <= 64; length++) {
      const [key, data] = [randomBytes(length), randomBytes(length * 7)]
      const expected = createHmac('sha256', key).update(data).digest()
      assert.deepEqual(hmacSha256(key, data), expected)
    }
    assert.throws(() => hmacSha256(randomBytes(65), randomBytes(1)), RangeError)
  })

  it('leaves key and data as they are', () => {
    const [key, data] = [Buffer.from('key'), Buffer.from('data')]
    hmacSha256(key, data)
    assert.equal(`${key}${data}`, 'keydata')
  })
})
