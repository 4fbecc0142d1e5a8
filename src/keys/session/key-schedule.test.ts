import assert from 'node:assert/strict'
import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { joinOctets } from '../../ground/octets.ts'
import { chainSigned, keyInfo, originInfo, transcript } from './key-schedule.ts'

/** Made by another implementation: `docs/wire/session-keys.md`. The rest of them: `session-key-vectors.test.ts`. */
const { key_schedule: VECTORS } = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/session-key-vectors.json', import.meta.url), 'utf8'),
)
const hex = (text: string) => Buffer.from(text, 'hex')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

describe('the key schedule', () => {
  const th = sha256(transcript(hex(VECTORS.m1), hex(VECTORS.h2)))
  const dh = hex(VECTORS.dh)
  const exporter = hex(VECTORS.exporter)
  const keys = (salt: Uint8Array) => {
    const key = (label: 'resp' | 'req' | 'body', bytes: number) =>
      Buffer.from(hkdfSync('sha256', dh, salt, keyInfo(label, th), bytes)).toString('hex')
    return { resp: key('resp', 28), req: key('req', 32), body: key('body', 32) }
  }

  it('hashes the transcript', () => {
    assert.equal(th.toString('hex'), VECTORS.th)
  })

  it('derives the keys of suites 1 and 2', () => {
    assert.deepEqual(keys(exporter), VECTORS.x25519)
  })

  it('mixes the ML-KEM secret in for suite 3', () => {
    const secret = hex(VECTORS.ml_kem_secret)
    const salt = Buffer.from(hkdfSync('sha256', secret, exporter, keyInfo('pq', th), 32))
    assert.equal(salt.toString('hex'), VECTORS.salt_hybrid)
    assert.deepEqual(keys(salt), VECTORS.hybrid)
  })

  it('chains a rotation to the old request key', () => {
    const mac = createHmac('sha256', hex(VECTORS.old_request_key)).update(chainSigned(th)).digest()
    const salt = sha256(joinOctets(exporter, mac))
    assert.equal(salt.toString('hex'), VECTORS.salt_rotate)
    assert.deepEqual(keys(salt), VECTORS.rotate)
  })
})

describe('originInfo()', () => {
  it('binds the origin and the purpose', () => {
    assert.equal(
      Buffer.from(originInfo('https://a.test', 'init')).toString('latin1'),
      'limen/lsk/1 init\0\0\x0ehttps://a.test',
    )
    assert.notDeepEqual(
      originInfo('https://a.test', 'init'),
      originInfo('https://a.test', 'rotate'),
    )
    assert.throws(() => originInfo('x'.repeat(513), 'init'), RangeError)
  })
})
