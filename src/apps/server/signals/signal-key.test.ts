import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { openSignalKey } from './signal-key.ts'

const random = systemRandom()
const sealBy = (byte: number) =>
  aesRecordSeal(createSecretKey(Buffer.alloc(32, byte)), 'signals', random)

describe('openSignalKey()', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'limen-signal-key-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('makes a key, keeps it sealed, and signs what others can verify', async () => {
    const path = join(folder, 'key')
    const made = openSignalKey(path, sealBy(1))
    const text = openSignalKey(path, sealBy(1)).sign({ jti: 'one' })
    const keys = createLocalJWKSet(made.jwks as JSONWebKeySet)
    const { payload, protectedHeader } = await jwtVerify(text, keys, { typ: 'secevent+jwt' })
    assert.deepEqual(payload, { jti: 'one' })
    assert.equal(protectedHeader.alg, 'ES256')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.ok(!('d' in (made.jwks.keys[0] ?? assert.fail())))
    // The name of P-256 (1.2.840.10045.3.1.7) would show in a key that is not sealed.
    assert.equal(readFileSync(path).indexOf(Buffer.from('2a8648ce3d030107', 'hex')), -1)
  })

  it('is refused under another record key', () => {
    openSignalKey(join(folder, 'key'), sealBy(1))
    assert.throws(() => openSignalKey(join(folder, 'key'), sealBy(2)), { code: 'signals-key-bad' })
  })
})
