import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KEM, type Kem } from '../../wire/key-config.ts'
import { ENC_BYTES, hpkeKeyPair, hpkeSend } from './hpke.ts'
import { systemRandom } from './system-random.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const random = systemRandom()
const INFO = Buffer.from('info')
const AAD = Buffer.from('aad')

/** RFC 9180 section A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode. */
const A_1_1 = {
  info: hex('4f6465206f6e2061204772656369616e2055726e'),
  skRm: hex('4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8'),
  pkRm: '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d',
  enc: hex('37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431'),
  aad: hex('436f756e742d30'),
  ct: hex(
    'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
  ),
  pt: '4265617574792069732074727574682c20747275746820626561757479',
  exports: [
    ['', '3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee'],
    ['00', '2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5'],
    ['54657374436f6e74657874', 'e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931'],
  ],
} as const

describe('hpkeKeyPair()', () => {
  it('passes RFC 9180 section A.1.1', () => {
    const pair = hpkeKeyPair(KEM.x25519, A_1_1.skRm)
    assert.equal(pair.publicKey.toString('hex'), A_1_1.pkRm)
    const context = pair.receive(A_1_1.enc, A_1_1.info)
    assert.equal(context?.open(A_1_1.ct, A_1_1.aad)?.toString('hex'), A_1_1.pt)
    assert.equal(context?.seal(hex(A_1_1.pt), A_1_1.aad).toString('hex'), A_1_1.ct.toString('hex'))
    for (const [of, value] of A_1_1.exports) {
      assert.equal(context?.export(hex(of), 32).toString('hex'), value)
    }
  })

  for (const [name, kem] of Object.entries(KEM) as [string, Kem][]) {
    it(`opens what hpkeSend() sealed (${name})`, () => {
      const pair = hpkeKeyPair(kem, random.bytes(32))
      const { enc, context } = hpkeSend(kem, pair.publicKey, INFO, random)
      assert.equal(enc.length, ENC_BYTES[kem])
      const received = pair.receive(enc, INFO)
      const sealed = context.seal(Buffer.from('hello'), AAD)
      assert.equal(received?.open(sealed, AAD)?.toString(), 'hello')
      assert.deepEqual(received?.export(INFO, 32), context.export(INFO, 32))
    })

    it(`opens nothing else (${name})`, () => {
      const pair = hpkeKeyPair(kem, random.bytes(32))
      const { enc, context } = hpkeSend(kem, pair.publicKey, INFO, random)
      const sealed = context.seal(Buffer.from('hello'), AAD)
      assert.equal(pair.receive(enc, Buffer.from('other'))?.open(sealed, AAD), undefined)
      assert.equal(pair.receive(enc, INFO)?.open(sealed, INFO), undefined)
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, inEnc) => {
          const other = Buffer.from(inEnc ? enc : sealed)
          const index = at % other.length
          other[index] = (other[index] as number) ^ flip
          // The top bit of an X25519 share is ignored (RFC 7748 section 5), and yet bound by the KEM.
          const opened = pair.receive(inEnc ? other : enc, INFO)?.open(inEnc ? sealed : other, AAD)
          assert.equal(opened, undefined)
        }),
        { seed: 20261121, numRuns: 60 },
      )
    })

    it(`refuses what is no key, without an exception (${name})`, () => {
      const pair = hpkeKeyPair(kem, random.bytes(32))
      assert.equal(pair.receive(Buffer.alloc(ENC_BYTES[kem]), INFO), undefined, 'an all-zero share')
      assert.equal(pair.receive(Buffer.alloc(5), INFO), undefined)
      assert.throws(() => hpkeSend(kem, Buffer.alloc(7), INFO, random), RangeError)
      assert.throws(() => hpkeKeyPair(kem, Buffer.alloc(31)), RangeError)
    })
  }

  it('passes X-Wing: draft-connolly-cfrg-xwing-kem appendix C, first vector', () => {
    const seed = hex('7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26')
    const pair = hpkeKeyPair(KEM.xWing, seed)
    assert.match(pair.publicKey.toString('hex'), /^e2236b35a8c24b39b10aa1323a96a919/)
  })
})
