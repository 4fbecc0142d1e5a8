import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { SignJWT } from 'jose'
import { openLog } from '../../../adapters/node/json-log.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { type Login, openLogin } from './login.ts'

const SEED = 20261121
const ORIGIN = 'https://shop.test'
const NOW_MS = 1_795_000_000_000
const NOW = NOW_MS / 1000
const random = systemRandom()
const recordKey = createSecretKey(Buffer.from(random.bytes(32)))
const log = openLog({ level: 'error', format: 'json', write: () => {} })

let folder = ''
let file = ''
let keys: { publicKey: KeyObject; privateKey: KeyObject }
let login: Login

const publish = (publicKey: KeyObject, kid: string): void => {
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid }
  writeFileSync(file, JSON.stringify({ keys: [jwk] }))
}
const open = (issuer?: string): Login => openLogin({ jwks: file, issuer, recordKey, log })
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-login-'))
  file = join(folder, 'jwks.json')
  keys = generateKeyPairSync('ed25519')
  publish(keys.publicKey, 'a')
  login = open()
})
afterEach(() => rmSync(folder, { recursive: true }))

const token = (
  change: Readonly<Record<string, unknown>> = {},
  key = keys.privateKey,
  header: Readonly<Record<string, string>> = {},
): Promise<string> =>
  new SignJWT({ aud: ORIGIN, sub: 'user-1', exp: NOW + 60, iss: 'https://login.test', ...change })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'a', ...header })
    .sign(key)
const subject = async (proof: string, at: { now?: number; by?: Login } = {}) => {
  const found = await (at.by ?? login).subjectOf(Buffer.from(proof), ORIGIN, at.now ?? NOW_MS)
  return found && Buffer.from(found).toString('hex')
}

describe('openLogin()', () => {
  it('gives the same pseudonym of 16 bytes for the same person, another for another', async () => {
    const one = await subject(await token())
    assert.match(one ?? '', /^[0-9a-f]{32}$/)
    assert.equal(await subject(await token({ exp: NOW + 5 })), one)
    assert.notEqual(await subject(await token({ sub: 'user-2' })), one)
  })

  it('takes none that is not good', async () => {
    const stranger = generateKeyPairSync('ed25519').privateKey
    const secret = createSecretKey(keys.publicKey.export({ format: 'der', type: 'spki' }))
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${
      (await token()).split('.')[1]
    }.`
    const bad: Readonly<Record<string, string>> = {
      'for another origin': await token({ aud: 'https://evil.test' }),
      'for nobody': await token({ aud: undefined }),
      'past its time': await token({ exp: NOW - 6 }),
      'without an end': await token({ exp: undefined }),
      'without a subject': await token({ sub: undefined }),
      'of an empty subject': await token({ sub: '' }),
      'not yet': await token({ nbf: NOW + 60 }),
      'by a stranger': await token({}, stranger),
      'by a key of another name': await token({}, keys.privateKey, { kid: 'b' }),
      'under our public key as a secret': await token({}, secret, { alg: 'HS256' }),
      unsigned,
      'too long': await token({ more: 'x'.repeat(1024) }),
    }
    for (const [why, proof] of Object.entries(bad))
      assert.equal(await subject(proof), undefined, why)
  })

  it('wants the issuer that is configured', async () => {
    const strict = open('https://login.test')
    assert.ok((await subject(await token(), { by: strict })) !== undefined)
    const other = await token({ iss: 'https://other.test' })
    assert.equal(await subject(other, { by: strict }), undefined)
  })

  it('reads the file again when it changed, and keeps the old keys when it is bad', async () => {
    const before = await subject(await token())
    const next = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    publish(next.publicKey, 'n')
    utimesSync(file, NOW, NOW)
    const later = { now: NOW_MS + 11_000 }
    const es256 = await token({}, next.privateKey, { alg: 'ES256', kid: 'n' })
    assert.equal(await subject(es256, later), before)
    assert.equal(await subject(await token(), later), undefined)
    writeFileSync(file, 'broken')
    assert.equal(await subject(es256, { now: NOW_MS + 22_000 }), before)
  })

  it('refuses to start without keys, or with private ones', () => {
    const jwk = keys.privateKey.export({ format: 'jwk' })
    for (const text of ['', '{}', '{"keys":[]}', JSON.stringify({ keys: [jwk] })]) {
      writeFileSync(file, text)
      assert.throws(() => open(), { code: 'login-jwks-bad' }, text)
    }
  })

  it(`takes no garbage, and never rejects (seed ${SEED})`, async () => {
    const good = await token()
    const changed = fc
      .tuple(fc.nat(good.length - 1), fc.constantFrom('A', 'z', '.', '-', ' '))
      .map(([at, char]) => `${good.slice(0, at)}${char}${good.slice(at + 1)}`)
      // The last character of base64url of 64 bytes has four spellings.
      .filter((text) => text.slice(0, -1) !== good.slice(0, -1))
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.string({ maxLength: 1100 })), async (text) => {
        assert.equal(await subject(text), undefined)
      }),
      { seed: SEED, numRuns: 200 },
    )
  })
})
