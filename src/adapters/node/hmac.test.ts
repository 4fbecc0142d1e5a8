import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { hmacKey, hmacSha256, isHmacOf } from './hmac.ts'

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

  it('agrees with OpenSSL for data of a whole block more or less, and of a megabyte', () => {
    const key = randomBytes(32)
    for (const length of [...Array(200).keys(), 65_000, 1_000_000]) {
      const data = randomBytes(length)
      const expected = createHmac('sha256', key).update(data).digest()
      assert.deepEqual(hmacSha256(key, data), expected, `${length}`)
    }
    assert.throws(() => hmacSha256(key, Buffer.alloc(1 << 20)), RangeError)
  })

  it('takes parts as one', () => {
    const [key, data] = [randomBytes(20), randomBytes(100)]
    const parts = [data.subarray(0, 1), data.subarray(1, 1), data.subarray(1)]
    assert.deepEqual(hmacSha256(key, ...parts), hmacSha256(key, data))
  })

  it('leaves key and data as they are', () => {
    const [key, data] = [Buffer.from('key'), Buffer.from('data')]
    hmacSha256(key, data)
    assert.equal(`${key}${data}`, 'keydata')
  })
})

describe('isHmacOf()', () => {
  const bytes = randomBytes(32)
  const key = hmacKey(bytes)
  const macOf = (text: string, by: Uint8Array = bytes) =>
    createHmac('sha256', by).update(text, 'latin1').digest('base64')

  it('takes the MAC of a text of any length, and no other', () => {
    for (let length = 0; length < 1000; length += 7) {
      const text = 'a\xe9'.repeat(length).slice(0, length)
      assert.equal(isHmacOf(key, text, macOf(text)), true, `${length}`)
      assert.equal(isHmacOf(key, `${text}.`, macOf(text)), false, `${length}`)
    }
    assert.equal(isHmacOf(key, 'text', macOf('text', randomBytes(32))), false)
  })

  it('refuses a MAC of which a bit is another, and what is none', () => {
    const mac = Buffer.from(macOf('text'), 'base64')
    for (let bit = 0; bit < 256; bit++) {
      const other = Buffer.from(mac)
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.equal(isHmacOf(key, 'text', other.toString('base64')), false)
    }
    for (const none of ['', '='.repeat(44), 'A'.repeat(44), '!'.repeat(44)]) {
      assert.equal(isHmacOf(key, 'text', none), false)
    }
  })

  it('takes a MAC in its usual spelling alone', () => {
    const mac = macOf('text')
    assert.equal(isHmacOf(key, 'text', mac), true)
    // The last two bits before the padding are no part of it.
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const next = letters[letters.indexOf(mac[42] ?? '') + 1] ?? ''
    const others = [`${mac.slice(0, 42)}${next}=`, `${mac.slice(0, 43)} `, `${mac.slice(0, 43)}A`]
    for (const other of others) {
      assert.deepEqual(Buffer.from(other, 'base64').subarray(0, 32), Buffer.from(mac, 'base64'))
      assert.equal(isHmacOf(key, 'text', other), false)
    }
  })

  it('knows its key after others were used', () => {
    hmacSha256(randomBytes(64), randomBytes(300))
    assert.equal(isHmacOf(key, 'text', macOf('text')), true)
  })
})
