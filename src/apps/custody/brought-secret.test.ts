import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { KeyUse } from '../../keys/custody/key-label.ts'
import { broughtSecret } from './brought-secret.ts'

const random = systemRandom()
const bring = (use: KeyUse, bytes: Uint8Array) => broughtSecret(use, bytes, random)
const says = (use: KeyUse, bytes: Uint8Array): string => {
  const brought = bring(use, bytes)
  return brought.kind === 'bad' ? brought.says : 'good'
}
const { privateKey: ed25519 } = generateKeyPairSync('ed25519')
const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })

describe('broughtSecret()', () => {
  it('takes what a key of its use can be', () => {
    for (const [use, length] of [
      ['encrypt', 32],
      ['mac', 16],
      ['mac', 65_536],
    ] as const) {
      const bytes = randomBytes(length)
      assert.deepEqual(bring(use, bytes), { kind: 'good', secret: new Uint8Array(bytes) })
    }
  })

  it('refuses other lengths', () => {
    assert.match(says('encrypt', randomBytes(5)), /32 octets.* 5$/)
    assert.match(says('encrypt', randomBytes(33)), /32 octets/)
    assert.match(says('mac', randomBytes(15)), /16 octets at least/)
    assert.match(says('mac', new Uint8Array()), /empty/)
    assert.match(says('mac', randomBytes(65_537)), /more than 65536/)
  })

  for (const [name, key] of Object.entries({ ed25519, ec, rsa })) {
    it(`takes a private key of ${name}, in PEM too`, () => {
      const der = key.export({ format: 'der', type: 'pkcs8' })
      const wanted = { kind: 'good', secret: new Uint8Array(der) }
      assert.deepEqual(bring('sign-assembled', der), wanted)
      const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString()
      assert.deepEqual(bring('sign-assembled', Buffer.from(pem)), wanted)
    })
  }

  it('refuses what cannot sign', () => {
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'x', type: 'pkcs8' } as const
    const bad = [
      randomBytes(48),
      Buffer.from('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'),
      Buffer.from(ed25519.export({ format: 'pem', ...cipher })),
      ed25519.export({ format: 'der', ...cipher }),
      generateKeyPairSync('x25519').privateKey.export({ format: 'der', type: 'pkcs8' }),
      generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey.export({
        ...{ format: 'der', type: 'pkcs8' },
      }),
    ]
    for (const bytes of bad) assert.match(says('sign-assembled', bytes), /PKCS #8/)
  })
})
