import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto'
import { describe, it } from 'node:test'
import { fromHex, toHex } from '../ground/hex.ts'
import { openHpke, sealHpke } from './hpke-dhkem.ts'

/** RFC 9180, appendix A.2.1: DHKEM(X25519), HKDF-SHA256, ChaCha20-Poly1305, base mode, sequence number 0. */
const VECTOR = {
  info: fromHex('4f6465206f6e2061204772656369616e2055726e'),
  recipient: '8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb',
  publicKey: fromHex('4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a'),
  enc: fromHex('1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a'),
  aad: fromHex('436f756e742d30'),
  plain: fromHex('4265617574792069732074727574682c20747275746820626561757479'),
  sealed:
    '1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28',
}

/** The secret of the vector, by OpenSSL. */
const dh = diffieHellman({
  privateKey: createPrivateKey({
    key: Buffer.from(VECTOR.recipient, 'hex'),
    format: 'raw-private',
    asymmetricKeyType: 'x25519',
  }),
  publicKey: createPublicKey({
    key: Buffer.from(VECTOR.enc),
    format: 'raw-public',
    asymmetricKeyType: 'x25519',
  }),
})
const { info, aad, plain, enc, publicKey } = VECTOR
const outcome = { kem: 0x0020, dh, enc, publicKey }

describe('sealHpke()', () => {
  it('seals as RFC 9180 does', () => {
    assert.equal(toHex(sealHpke(outcome, info, aad, plain)), VECTOR.sealed)
  })
})

describe('openHpke()', () => {
  const sealed = fromHex(VECTOR.sealed)

  it('opens what was sealed, and nothing else', () => {
    assert.deepEqual(openHpke(outcome, info, aad, sealed), plain)
    assert.equal(openHpke(outcome, aad, aad, sealed), undefined)
    assert.equal(openHpke(outcome, info, info, sealed), undefined)
    assert.equal(openHpke({ ...outcome, dh: enc }, info, aad, sealed), undefined)
    assert.equal(openHpke({ ...outcome, kem: 0xfe01 }, info, aad, sealed), undefined)
    assert.equal(openHpke(outcome, info, aad, sealed.subarray(1)), undefined)
    assert.equal(openHpke(outcome, info, aad, sealed.subarray(0, 15)), undefined)
  })
})
