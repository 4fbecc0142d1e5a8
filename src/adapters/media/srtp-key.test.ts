import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { describe, it } from 'node:test'
import { srtpPrf } from '../../crypto/srtp-kdf.ts'
import { SrtpKey } from './srtp-key.ts'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')
const aes = (key: Uint8Array, counter: Uint8Array, bytes: number) =>
  createCipheriv('aes-128-ctr', key, counter).update(Buffer.alloc(bytes))

describe('srtpPrf()', () => {
  it('gives the keys of RFC 3711, appendix B.3', () => {
    const key = hex('e1f97a0d3e018be0d64fa32c06de4139')
    const salt = hex('0ec675ad498afeebb6960b3aabe6')
    const derive = (label: number, bytes: number) =>
      Buffer.from(srtpPrf(key, salt, label, bytes, aes)).toString('hex')
    assert.equal(derive(0, 16), 'c61e7a93744f39ee10734afe3ff7a087')
    assert.equal(derive(2, 14), '30cbbc08863d8c85d49db34a9ae1')
    assert.equal(
      derive(1, 40),
      'cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327a',
    )
  })
})

/** RFC 7714 gives session keys, not what they come from. Its packets have no MKI. */
describe('SrtpKey', () => {
  const secret = hex('000102030405060708090a0b0c0d0e0f')
  const salt = hex('517569642070726f2071756f')
  const keys = { rtpKey: secret, rtpSalt: salt, rtcpKey: secret, rtcpSalt: salt }
  const key = new SrtpKey(0xdeadbeef, keys)

  it('protects the packet of RFC 7714, section 16.1.1', () => {
    const plain = hex(
      '8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573',
    )
    const sealed = key.sealRtp(plain, 12, 0xf17b)
    assert.equal(
      sealed.toString('hex'),
      '8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390ccedeadbeef',
    )
    assert.deepEqual(key.openRtp(sealed, 12, 0xf17b), plain)
  })

  it('protects the packet of RFC 7714, section 17.1', () => {
    const plain = hex(
      '81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef',
    )
    const sealed = key.sealRtcp(plain, 0x5d4)
    assert.equal(
      sealed.toString('hex'),
      '81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4deadbeef',
    )
    assert.deepEqual(key.openRtcp(sealed, 0x5d4), plain)
  })

  it('changes nothing in what is not authentic', () => {
    const sealed = key.sealRtp(Buffer.alloc(40, 0x80), 12, 1)
    sealed[20] = (sealed[20] ?? 0) ^ 1
    const before = Buffer.from(sealed)
    assert.equal(key.openRtp(sealed, 12, 1), undefined)
    assert.deepEqual(sealed, before)
  })
})
