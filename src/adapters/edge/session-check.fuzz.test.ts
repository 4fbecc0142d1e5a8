import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Revocations } from '../../keys/session/revocations.ts'
import { Validator } from '../../keys/session/validate-request.ts'
import { proofBase, writeProofParameters } from '../../wire/session-proof.ts'
import { Steks } from '../node/session-crypto.ts'
import { systemRandom } from '../node/system-random.ts'
import { checkSession, type SessionRequest, type SessionTerms } from './session-check.ts'
import { NO_SESSIONS, type SessionGuard } from './session-guard.ts'

const SEED = 20_261_121
const NOW = 1_795_000_000
const STEK = (1 << 24) | 1
const random = systemRandom()
const steks = new Steks()
steks.add(STEK, random.bytes(32))
const validator = new Validator(steks, new Revocations(), random)
const guard: SessionGuard = {
  ...NO_SESSIONS,
  groupOf: () => 1,
  validate: (request, proof, now) => validator.validate(request, proof, now),
  bearer: (sessionKey, group, now) => validator.bearer(sessionKey, group, now),
} as SessionGuard
const TERMS: SessionTerms = {
  ...{ replay: 'edge', bodyDigest: true, sealBodies: false, bearer: true, isRequired: true },
}
const DIGEST = `sha-256=:${createHash('sha256').update('body').digest('base64')}:`

const requestKey = random.bytes(32)
const sessionId = random.bytes(16)
const sessionKey = `:${steks
  .sealTicket(
    STEK,
    {
      ...{ flags: 0, suite: 1, epoch: 1, generation: 1, notBefore: NOW - 5, tier: 1 },
      ...{ rotateAfter: NOW + 600, expires: NOW + 900, sessionId, requestKey },
      ...{ bodyKey: random.bytes(32), policy: 1, subject: undefined, backend: undefined },
      ...{ softBinding: undefined, deviceKey: random.bytes(32) },
    },
    random,
  )
  .toString('base64')}:`

function signed(): SessionRequest {
  const parameters = writeProofParameters({
    created: NOW,
    nonce: Buffer.from(random.bytes(12)).toString('base64url'),
    keyId: Buffer.from(sessionId).toString('base64url').slice(0, 11),
    coversDigest: true,
  })
  const proven = {
    ...{ method: 'POST', authority: 'shop.test', path: '/cart', query: '?a=1', sessionKey },
    contentDigest: DIGEST,
  }
  const mac = createHmac('sha256', requestKey).update(proofBase(proven, parameters))
  return {
    ...{ method: 'POST', authority: 'shop.test', secure: true, target: '/cart?a=1' },
    ...{ hasBody: true, upgrade: false, webSocket: false, sessionKey, contentDigest: DIGEST },
    signature: `lim=:${mac.digest('base64')}:`,
    signatureInput: `lim=${parameters.raw}`,
    ...{ proofDoubled: false, cookies: '', tier: 1, codings: () => '' },
  }
}

describe(`checkSession() (seed ${SEED})`, () => {
  it('passes what was signed', () => {
    assert.equal(checkSession(guard, TERMS, signed(), NOW).kind, 'pass')
  })

  it('stops whatever is not as it was signed', () => {
    const parts = [
      ...(['method', 'authority', 'target', 'sessionKey'] as const),
      ...(['signature', 'signatureInput', 'contentDigest'] as const),
    ]
    const change = fc.record({
      part: fc.constantFrom(...parts),
      at: fc.nat(),
      char: fc.string({ unit: fc.constantFrom(...'aZ09+/=":;?& \0é'), maxLength: 2 }),
    })
    fc.assert(
      fc.property(change, ({ part, at, char }) => {
        const request = signed()
        const text = request[part]
        const place = at % text.length
        const other = `${text.slice(0, place)}${char}${text.slice(place + 1)}`
        // Hosts are the same in any case.
        if (other === text || (part === 'authority' && other.toLowerCase() === text)) return
        const check = checkSession(guard, TERMS, { ...request, [part]: other }, NOW)
        assert.equal(check.kind, 'stop', `${part}: ${other}`)
      }),
      { seed: SEED, numRuns: 10_000 },
    )
  })

  it('neither passes nor throws over garbage', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.constantFrom('', sessionKey, DIGEST, '__Host-limen=', `limen=${'A'.repeat(300)}`, '?'),
    )
    const garbage = fc.record({
      ...{ method: text, authority: text, target: text, sessionKey: text, signature: text },
      ...{ signatureInput: text, contentDigest: text, cookies: text },
      ...{ hasBody: fc.boolean(), upgrade: fc.boolean(), webSocket: fc.boolean() },
      secure: fc.boolean(),
      ...{ proofDoubled: fc.boolean(), tier: fc.constantFrom(1 as const, 2 as const, 3 as const) },
      codings: fc.func(text),
    })
    fc.assert(
      fc.property(garbage, (request) => {
        assert.equal(checkSession(guard, TERMS, request, NOW).kind, 'stop')
      }),
      { seed: SEED, numRuns: 10_000 },
    )
  })
})
