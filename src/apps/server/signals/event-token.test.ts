import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet, SignJWT } from 'jose'
import { readEventToken, TOKEN_AGE_S_MAX, type TokenRules } from './event-token.ts'

const SEED = 20261121
const NOW_MS = 1_795_000_000_000
const NOW = NOW_MS / 1000
const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'
const ISSUER = 'https://idp.test'
const AUDIENCE = 'https://edge.test'
const ALICE = { format: 'opaque', id: 'alice' }
const REVOKED = { [`${CAEP}session-revoked`]: { event_timestamp: NOW } }

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'a' }
const RULES: TokenRules = {
  ...{ issuer: ISSUER, audience: AUDIENCE, keys: createLocalJWKSet({ keys: [jwk] }) },
}
const token = (
  change: Readonly<Record<string, unknown>> = {},
  key: KeyObject = privateKey,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> =>
  new SignJWT({
    ...{ iss: ISSUER, aud: AUDIENCE, jti: 'one', iat: NOW, sub_id: ALICE, events: REVOKED },
    ...change,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'secevent+jwt', kid: 'a', ...header })
    .sign(key)
const read = (text: string) => readEventToken(text, RULES, NOW_MS)
const eventsOf = async (change: Readonly<Record<string, unknown>>) => {
  const outcome = await read(await token(change))
  return outcome.kind === 'good' ? outcome.token.events : outcome
}

describe('readEventToken()', () => {
  it('reads what somebody trusted says', async () => {
    assert.deepEqual(await read(await token()), {
      kind: 'good',
      token: {
        ...{ id: 'one', issuedAt: NOW },
        events: [{ kind: 'session-revoked', subject: { user: 'alice' }, byUser: false }],
      },
    })
  })

  it('knows the events of CAEP and RISC that it acts on, and counts others as unknown', async () => {
    const level = { namespace: 'nist-aal', current_level: 'nist-aal2' }
    const up = { ...level, change_direction: 'increase' }
    const device = { previous_status: 'compliant', current_status: 'not-compliant' }
    const said: readonly (readonly [string, object, object])[] = [
      [`${CAEP}session-revoked`, { initiating_entity: 'user' }, { byUser: true }],
      [`${CAEP}assurance-level-change`, up, { direction: 'increase' }],
      [`${CAEP}assurance-level-change`, level, {}],
      [`${CAEP}device-compliance-change`, device, {}],
      [`${RISC}account-disabled`, { reason: 'hijacking' }, {}],
      [`${RISC}credential-compromise`, { credential_type: 'password' }, {}],
    ]
    for (const [uri, payload, more] of said) {
      const kind = uri.slice(uri.lastIndexOf('/') + 1)
      const expected = { kind, subject: { user: 'alice' }, byUser: false, ...more }
      assert.deepEqual(await eventsOf({ events: { [uri]: payload } }), [expected], uri)
    }
    assert.deepEqual(await eventsOf({ events: { 'https://x.test/other': {} } }), [
      { kind: 'unknown', subject: undefined, byUser: false },
    ])
  })

  it('reads the subject of older transmitters in the event', async () => {
    const subject = { user: { subject_type: 'iss-sub', iss: ISSUER, sub: 'bob' } }
    const events = { [`${CAEP}session-revoked`]: { subject } }
    assert.deepEqual(await eventsOf({ sub_id: undefined, events }), [
      { kind: 'session-revoked', subject: { user: 'bob', issuer: ISSUER }, byUser: false },
    ])
  })

  it('refuses what is not exactly that, and says why', async () => {
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const secret = createSecretKey(publicKey.export({ format: 'der', type: 'spki' }))
    const level = { [`${CAEP}assurance-level-change`]: { current_level: 'x' } }
    const many = Object.fromEntries(
      Array.from({ length: 5 }, (_, i) => [`https://x.test/${i}`, {}]),
    )
    const bad: readonly (readonly [string, string, string])[] = [
      ['invalid_issuer', 'of another', await token({ iss: 'https://evil.test' })],
      ['invalid_audience', 'for another', await token({ aud: 'https://other.test' })],
      ['invalid_audience', 'for nobody', await token({ aud: undefined })],
      ['invalid_key', 'by a stranger', await token({}, stranger)],
      ['invalid_key', 'by a key of another name', await token({}, privateKey, { kid: 'b' })],
      ['invalid_key', 'our public key as a secret', await token({}, secret, { alg: 'HS256' })],
      ['invalid_request', 'of another type', await token({}, privateKey, { typ: 'JWT' })],
      ['invalid_request', 'without a type', await token({}, privateKey, { typ: undefined })],
      ['invalid_request', 'a login', await token({ sub: 'alice' })],
      ['invalid_request', 'with an end', await token({ exp: NOW + 60 })],
      ['invalid_request', 'without an id', await token({ jti: undefined })],
      ['invalid_request', 'of an empty id', await token({ jti: '' })],
      ['invalid_request', 'without a time', await token({ iat: undefined })],
      ['invalid_request', 'too old', await token({ iat: NOW - TOKEN_AGE_S_MAX - 61 })],
      ['invalid_request', 'of the future', await token({ iat: NOW + 61 })],
      ['invalid_request', 'without events', await token({ events: undefined })],
      ['invalid_request', 'with none', await token({ events: {} })],
      ['invalid_request', 'with too many', await token({ events: many })],
      ['invalid_request', 'events that are none', await token({ events: { a: 1 } })],
      ['invalid_request', 'no subject', await token({ sub_id: undefined })],
      ['invalid_request', 'a bad subject', await token({ sub_id: { format: 'opaque' } })],
      ['invalid_request', 'a bad payload', await token({ events: level })],
      ['invalid_request', 'too long', await token({ more: 'x'.repeat(16_384) })],
      ['invalid_request', 'no token', 'x.y'],
      [
        ...(['invalid_key', 'unsigned'] as const),
        `${Buffer.from('{"alg":"none","typ":"secevent+jwt"}').toString('base64url')}.${
          (await token()).split('.')[1]
        }.AA`,
      ],
    ]
    for (const [error, why, text] of bad) {
      const outcome = await read(text)
      assert.equal(outcome.kind === 'refused' && outcome.error, error, why)
    }
  })

  it('says so when the keys cannot be had', async () => {
    const keys = () => Promise.reject(new TypeError('ECONNREFUSED'))
    const outcome = await readEventToken(await token(), { ...RULES, keys }, NOW_MS)
    assert.equal(outcome.kind, 'unavailable')
  })

  it(`takes no changed token, whatever is signed never rejects (seed ${SEED})`, async () => {
    const good = await token()
    const changed = fc
      .tuple(fc.nat(good.length - 1), fc.constantFrom('A', 'z', '.', '-', ' '))
      .map(([at, char]) => `${good.slice(0, at)}${char}${good.slice(at + 1)}`)
      // The last character of base64url of 64 bytes has four spellings.
      .filter((text) => text.slice(0, -1) !== good.slice(0, -1))
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.string({ maxLength: 2000 })), async (text) => {
        assert.equal((await read(text)).kind, 'refused')
      }),
      { seed: SEED, numRuns: 300 },
    )
    const subject = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          format: fc.constantFrom('opaque', 'iss_sub', 'email', 'complex', 'aliases', 1, null),
          id: fc.jsonValue(),
          user: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    )
    const uri = fc.constantFrom(`${CAEP}session-revoked`, `${CAEP}assurance-level-change`, 'x')
    const claims = fc.record(
      {
        ...{
          sub_id: subject,
          events: fc.oneof(fc.jsonValue(), fc.dictionary(uri, fc.jsonValue())),
        },
        ...{ jti: fc.jsonValue(), iat: fc.oneof(fc.jsonValue(), fc.constant(NOW)) },
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(claims, async (change) => {
        const outcome = await read(await token(change))
        assert.notEqual(outcome.kind, 'unavailable')
        if (outcome.kind === 'good') assert.ok(outcome.token.events.length > 0)
      }),
      { seed: SEED, numRuns: 300 },
    )
  })
})
