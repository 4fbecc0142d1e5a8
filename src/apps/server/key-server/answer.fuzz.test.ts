import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { hpkeKeyPair } from '../../../adapters/node/hpke.ts'
import { opensslKeyAgreement } from '../../../adapters/node/key-agreement.ts'
import { Steks } from '../../../adapters/node/session-crypto.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { SessionGenerations } from '../../../flows/session-generations.ts'
import { Revocations } from '../../../keys/session/revocations.ts'
import { ROTATION_DEFAULTS, RotationGate } from '../../../keys/session/rotation-policy.ts'
import { KEM } from '../../../wire/key-config.ts'
import { SUITE } from '../../../wire/key-message.ts'
import { answerKeyRequest, type KeyDesk, type KeyRequest } from './answer.ts'
import { FailedRotations } from './failed-rotations.ts'
import { KEY_REFUSALS } from './key-refusals.ts'

const NOW_MS = 1_795_000_000_000
const random = systemRandom()
const pair = hpkeKeyPair(KEM.x25519, random.bytes(32))
const served = { keyId: 1, pair, notBefore: 0, expires: 2 ** 32 - 1 }
const steks = new Steks()
steks.add(1, random.bytes(32))

const desk: KeyDesk = {
  config: () => new Uint8Array(10),
  jwks: () => new Uint8Array(10),
  clientFiles: { files: new Map(), missing: undefined },
  bearer: true,
  login: undefined,
  office: () => ({
    group: 0,
    agreement: opensslKeyAgreement(() => [served]),
    random,
    policy: { suites: new Set(Object.values(SUITE)), ticketS: 900, policyId: 1, flags: 0 },
    seal: (contents) => steks.sealTicket(1, contents, random),
    epoch: () => 1,
    encodeUrl: (bytes) => Buffer.from(bytes).toString('base64url'),
    isFollowed: () => false,
    sessions: new SessionGenerations(10),
  }),
  steks,
  revocations: new Revocations(),
  rotation: () => ROTATION_DEFAULTS,
  gate: new RotationGate(1_000_000),
  failures: new FailedRotations(),
  offers: () => undefined,
  load: () => undefined,
  ticketS: 900,
  isOurHost: (host) => host === 'shop.test',
  admit: () => true,
  onOpened: () => assert.fail('nobody could open a session'),
}

/** A whole header, so that what follows it is looked at. */
const message = fc
  .record({
    type: fc.constantFrom(1, 3),
    keyId: fc.constantFrom(1, 1, 2),
    suite: fc.constantFrom(1, 2, 3, 4),
    field: fc.uint8Array({ maxLength: 70 }),
    sealed: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ type, keyId, suite, field, sealed }) =>
    Buffer.from([
      ...[...Buffer.from('LSK1'), type, 0, 0, keyId, 0, suite, 0, field.length],
      ...field,
      ...sealed,
    ]),
  )
const text = (usual: string) => fc.oneof(fc.constant(usual), fc.string({ maxLength: 600 }))

const request: fc.Arbitrary<KeyRequest> = fc.record({
  method: fc.constantFrom('POST', 'POST', 'GET', 'OPTIONS'),
  path: fc.oneof(
    fc.constantFrom('/.well-known/limen/session', '/.well-known/limen/rotate'),
    fc.constantFrom('/.well-known/limen/session', '/.well-known/limen/rotate'),
    fc.string(),
  ),
  contentType: text('application/limen-lsk'),
  origin: text(''),
  host: text('shop.test'),
  secure: fc.boolean(),
  sessionKey: fc.oneof(
    text(''),
    fc
      .uint8Array({ minLength: 130, maxLength: 360 })
      .map((bytes) => `:${Buffer.from([1, 0, 0, 0, 1, ...bytes]).toString('base64')}:`),
  ),
  body: fc.oneof(message, fc.uint8Array({ maxLength: 9000 })),
  tier: fc.constantFrom(1, 2, 3),
  address: fc.string(),
})

const SEED = 20261121

it(`answerKeyRequest() refuses anything with a code of its own (seed ${SEED})`, async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(request, async (one) => {
      const { status, fields, body } = await answerKeyRequest(desk, one, NOW_MS)
      const code = fields['sessionkey-error'] ?? ''
      seen.add(code)
      assert.ok(Object.hasOwn(KEY_REFUSALS, code), code)
      assert.equal(KEY_REFUSALS[code as keyof typeof KEY_REFUSALS][0], status)
      assert.equal(fields['content-length'], String(body.length))
    }),
    { numRuns: 3000, seed: SEED },
  )
  // What it is made of reaches behind the first checks.
  for (const code of ['not_for_us', 'kid_unknown', 'ticket_invalid'])
    assert.ok(seen.has(code), code)
})
