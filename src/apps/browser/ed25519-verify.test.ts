import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { verifyEd25519 } from './ed25519-verify.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** RFC 8032 section 7.1. */
const VECTORS = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

describe('verifyEd25519()', () => {
  for (const [key, message, signature] of VECTORS) {
    it(`takes the signature of RFC 8032 over "${message}"`, async () => {
      assert.equal(await verifyEd25519(hex(key), hex(signature), hex(message)), true)
    })
  }

  it('takes what OpenSSL signs, and nothing that was changed in one bit', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const key = publicKey.export({ format: 'raw-public' })
    for (let i = 0; i < 12; i++) {
      const message = Buffer.from(`message ${i}`)
      const signature = sign(null, message, privateKey)
      assert.equal(await verifyEd25519(key, signature, message), true)
      const changed = Buffer.from(signature)
      const at = (i * 11) % 64
      changed[at] = (changed[at] as number) ^ (1 << (i % 8))
      assert.equal(await verifyEd25519(key, changed, message), false)
      assert.equal(await verifyEd25519(key, signature, Buffer.from(`massage ${i}`)), false)
    }
  })

  it('refuses another spelling of a good signature (S beyond the order)', async () => {
    const [key, message, signature] = VECTORS[0]
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const bytes = hex(signature)
    const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order
    bytes.set(hex(s.toString(16).padStart(64, '0')).reverse(), 32)
    assert.equal(await verifyEd25519(hex(key), bytes, hex(message)), false)
  })

  it('takes anything without an exception', async () => {
    for (const length of [0, 31, 32, 33]) {
      const key = new Uint8Array(length).fill(0xff)
      assert.equal(await verifyEd25519(key, new Uint8Array(64).fill(0xff), key), false)
      assert.equal(await verifyEd25519(new Uint8Array(32), new Uint8Array(length), key), false)
    }
  })
})
