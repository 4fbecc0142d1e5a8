import assert from 'node:assert/strict'
import {
  constants,
  createDecipheriv,
  generateKeyPairSync,
  type KeyObject,
  verify,
} from 'node:crypto'
import { describe, it } from 'node:test'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { toHex } from '../../ground/hex.ts'
import { octetsOf } from '../../ground/octets.ts'
import { actionCode, actionOf, operate } from './secret-operation.ts'

const random = systemRandom()
const keyId = new Uint8Array(16).fill(3)
const aad = octetsOf('aad')
const input = octetsOf('plain')
const secret = new Uint8Array(32).fill(7)
const asked = { keyId, input, aad }

describe('operate()', () => {
  it('encrypts as others decrypt', () => {
    const made = operate('encrypt', secret, asked, random) ?? assert.fail()
    const decipher = createDecipheriv('aes-256-gcm', secret, made.subarray(0, 12))
    decipher.setAAD(Buffer.concat([keyId, aad])).setAuthTag(made.subarray(-16))
    const plain = Buffer.concat([decipher.update(made.subarray(12, -16)), decipher.final()])
    assert.equal(plain.toString(), 'plain')
    assert.deepEqual(
      operate('decrypt', secret, { ...asked, input: made }, random),
      Buffer.from(plain),
    )
  })

  it('decrypts nothing that was encrypted otherwise', () => {
    const made = operate('encrypt', secret, asked, random) ?? assert.fail()
    const decrypt = (change: object, by = secret) =>
      operate('decrypt', by, { ...asked, input: made, ...change }, random)
    assert.ok(decrypt({}) !== undefined)
    assert.equal(decrypt({ aad: octetsOf('other') }), undefined)
    assert.equal(decrypt({ keyId: new Uint8Array(16) }), undefined)
    assert.equal(decrypt({ input: made.subarray(1) }), undefined)
    assert.equal(decrypt({ input: made.subarray(0, 27) }), undefined)
    assert.equal(decrypt({}, new Uint8Array(32)), undefined)
    assert.equal(decrypt({}, new Uint8Array(16)), undefined)
  })

  it('makes codes of RFC 4231, case 2', () => {
    const { key, data, mac } = {
      key: octetsOf('Jefe'),
      data: octetsOf('what do ya want for nothing?'),
      mac: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    }
    const made = operate('mac', key, { keyId, input: data, aad: new Uint8Array() }, random)
    assert.equal(toHex(made ?? assert.fail()), mac)
  })

  const pairs: readonly (readonly [string, KeyObject, KeyObject])[] = [
    ['Ed25519', ...both(generateKeyPairSync('ed25519'))],
    ['P-256', ...both(generateKeyPairSync('ec', { namedCurve: 'P-256' }))],
    ['RSA', ...both(generateKeyPairSync('rsa', { modulusLength: 2048 }))],
  ]
  for (const [name, privateKey, publicKey] of pairs) {
    it(`signs by a key of ${name}`, () => {
      const pkcs8 = new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' }))
      const signature = operate('sign', pkcs8, asked, random) ?? assert.fail()
      const key =
        name === 'RSA' ? { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING } : publicKey
      assert.ok(verify(name === 'Ed25519' ? null : 'sha256', input, key, signature))
    })
  }

  it('signs by nothing else', () => {
    assert.equal(operate('sign', secret, asked, random), undefined)
    const { privateKey } = generateKeyPairSync('x25519')
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
    assert.equal(operate('sign', pkcs8, asked, random), undefined)
  })
})

describe('actionOf()', () => {
  it('knows what a key is for', () => {
    assert.equal(actionOf(actionCode('decrypt'), 'encrypt'), 'decrypt')
    assert.equal(actionOf(actionCode('mac'), 'mac'), 'mac')
    assert.equal(actionOf(actionCode('sign'), 'sign-assembled'), 'sign')
    assert.equal(actionOf(actionCode('sign'), 'encrypt'), undefined)
    assert.equal(actionOf(actionCode('encrypt'), 'mac'), undefined)
    assert.equal(actionOf(actionCode('sign'), 'sign'), undefined)
    assert.equal(actionOf(0, 'encrypt'), undefined)
    assert.equal(actionOf(undefined, 'encrypt'), undefined)
  })
})

function both({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }) {
  return [privateKey, publicKey] as const
}
