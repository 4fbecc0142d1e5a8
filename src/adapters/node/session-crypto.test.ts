import assert from 'node:assert/strict'
import { createDecipheriv, createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Revocations } from '../../keys/session/revocations.ts'
import {
  type ProofRefusal,
  type SessionCrypto,
  VALIDATOR_DEFAULTS,
  Validator,
  type ValidatorOptions,
} from '../../keys/session/validate-request.ts'
import { SUITE } from '../../wire/key-message.ts'
import { type ProvenRequest, proofBase, writeProofParameters } from '../../wire/session-proof.ts'
import {
  readSealedTicket,
  type TicketContents,
  writeTicketContents,
} from '../../wire/session-ticket.ts'
import { type RequestKey, Steks } from './session-crypto.ts'
import { systemRandom } from './system-random.ts'

const random = systemRandom()
const NOW = 1_795_000_000
const STEK = (3 << 24) | 7
let nonces = 0

const contents = (change: Partial<TicketContents> = {}): TicketContents => ({
  flags: 0,
  suite: SUITE.x25519,
  epoch: 7,
  generation: 1,
  notBefore: NOW - 5,
  rotateAfter: NOW + 600,
  expires: NOW + 900,
  sessionId: random.bytes(16),
  requestKey: random.bytes(32),
  bodyKey: random.bytes(32),
  policy: 1,
  subject: random.bytes(16),
  backend: undefined,
  softBinding: undefined,
  deviceKey: random.bytes(32),
  tier: 1,
  ...change,
})

function setUp(options: Partial<ValidatorOptions> = {}, change: Partial<TicketContents> = {}) {
  const steks = new Steks()
  steks.add(STEK, random.bytes(32))
  const ticket = contents(change)
  const sealed = steks.sealTicket(STEK, ticket, random)
  const revocations = new Revocations()
  revocations.take({ seq: 1, kind: 'checkpoint' }, NOW)
  const validator = new Validator(steks, revocations, random, { ...VALIDATOR_DEFAULTS, ...options })
  const request: ProvenRequest = {
    method: 'GET',
    authority: 'shop.test',
    path: '/cart',
    query: '?',
    sessionKey: `:${sealed.toString('base64')}:`,
    contentDigest: undefined,
  }
  const keyId = Buffer.from(ticket.sessionId).toString('base64url').slice(0, 11)
  const prove = (
    of: ProvenRequest = request,
    how: { created?: number; key?: Uint8Array; keyId?: string; coversDigest?: boolean } = {},
  ) => {
    const parameters = writeProofParameters({
      created: how.created ?? NOW,
      nonce: `nonce-${String(nonces++).padStart(8, '0')}`,
      keyId: how.keyId ?? keyId,
      coversDigest: how.coversDigest ?? false,
    })
    const mac = createHmac('sha256', how.key ?? ticket.requestKey)
    const signature = mac.update(proofBase(of, parameters)).digest('base64')
    return { input: `lim=${parameters.raw}`, signature: `lim=:${signature}:`, needsDigest: false }
  }
  const outcome = (
    of: ProvenRequest = request,
    proof: ReturnType<typeof prove> = prove(of),
    now = NOW,
  ): ProofRefusal | 'valid' => {
    const validation = validator.validate(of, proof, now)
    return validation.kind === 'valid' ? 'valid' : validation.code
  }
  return { steks, ticket, sealed, revocations, validator, request, prove, outcome }
}

describe('Validator', () => {
  it('takes a request of who holds the key, and keeps the ticket open', () => {
    const { validator, outcome, request, prove } = setUp()
    assert.equal(outcome(), 'valid')
    assert.equal(outcome(), 'valid')
    assert.equal(validator.tickets, 1)
    const withQuery = { ...request, query: '?a=1', method: 'POST' }
    assert.equal(outcome(withQuery, prove(withQuery)), 'valid')
  })

  it('knows an open ticket by all of it, not by its end alone', () => {
    const { request, outcome, sealed } = setUp()
    assert.equal(outcome(), 'valid')
    const changed = Buffer.from(sealed)
    changed.writeUInt8(sealed.readUInt8(40) ^ 1, 40)
    const other = { ...request, sessionKey: `:${changed.toString('base64')}:` }
    assert.equal(outcome(other), 'ticket_invalid')
    assert.equal(outcome(), 'valid')
  })

  it('keeps two tickets apart that end alike', () => {
    const { steks, revocations } = setUp()
    const tags = new Map<string, Uint8Array>()
    const endingAlike = Array.from({ length: 2 }, () => {
      const sealed = steks.sealTicket(STEK, contents(), random)
      const { nonce, tag } = readSealedTicket(sealed) ?? assert.fail()
      tags.set(Buffer.from(nonce).toString('hex'), Uint8Array.from(tag))
      return `:${sealed.fill(0, sealed.length - tag.length).toString('base64')}:`
    })
    const crypto: SessionCrypto<RequestKey> = {
      openTicket(ticket) {
        const tag = tags.get(Buffer.from(ticket.nonce).toString('hex')) ?? assert.fail()
        return steks.openTicket({ ...ticket, tag })
      },
      requestKey: (bytes) => steks.requestKey(bytes),
      verify: (key, base, signature) => steks.verify(key, base, signature),
      decode: (base64) => steks.decode(base64),
      encodeUrl: (bytes) => steks.encodeUrl(bytes),
    }
    const validator = new Validator(crypto, revocations, random)
    const idOf = (sessionKey: string): string => {
      const session = validator.open(sessionKey)
      return typeof session === 'string' ? assert.fail(session) : session.id
    }
    const ids = endingAlike.map(idOf)
    assert.notEqual(ids[0], ids[1])
    assert.deepEqual(endingAlike.map(idOf), ids)
    assert.equal(validator.tickets, 1)
  })

  it('refuses a proof twice, until nobody could accept it any more', () => {
    const { outcome, request, prove } = setUp()
    const ahead = prove(request, { created: NOW + 5 })
    assert.equal(outcome(request, ahead), 'valid')
    for (const later of [0, 1, 17, 34, 35]) {
      assert.equal(outcome(request, ahead, NOW + later), 'replay', `${later} s later`)
    }
    assert.equal(outcome(request, ahead, NOW + 36), 'sig_stale')
  })

  it('refuses what is stale, or from the future', () => {
    const { outcome, request, prove } = setUp()
    assert.equal(outcome(request, prove(request, { created: NOW - 31 })), 'sig_stale')
    assert.equal(outcome(request, prove(request, { created: NOW + 6 })), 'sig_stale')
  })

  it('refuses the ticket without the key', () => {
    const { outcome, request, prove } = setUp()
    assert.equal(outcome(request, prove(request, { key: random.bytes(32) })), 'sig_invalid')
  })

  it('refuses a proof of another request', () => {
    const { outcome, request, prove } = setUp()
    for (const change of [
      { method: 'POST' },
      { authority: 'other.test' },
      { path: '/admin' },
      { query: '?x' },
    ]) {
      assert.equal(outcome({ ...request, ...change }, prove(request)), 'sig_invalid')
    }
  })

  it('refuses fields that do not have the form', () => {
    const { outcome, request, prove } = setUp()
    const proof = prove()
    assert.equal(outcome(request, { ...proof, input: 'lim=("@method")' }), 'sig_params')
    assert.equal(outcome(request, { ...proof, signature: 'lim=:AAAA:' }), 'sig_params')
    const large = 'A'.repeat(1_000_000)
    assert.equal(outcome({ ...request, sessionKey: `:${large}:` }), 'ticket_malformed')
    assert.equal(outcome({ ...request, sessionKey: ':QQ:' }), 'ticket_malformed')
    assert.equal(outcome(request, { ...proof, input: large }), 'sig_params')
  })

  it('refuses a ticket that was changed, or sealed under a key it has not', () => {
    const { outcome, request, sealed, steks } = setUp()
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const other = Buffer.from(sealed)
        other[at] = (other[at] as number) ^ flip
        const code = outcome({ ...request, sessionKey: `:${other.toString('base64')}:` })
        const expected = at === 0 ? 'ticket_malformed' : at < 5 ? 'stek_unknown' : 'ticket_invalid'
        assert.equal(code, expected)
      }),
      { seed: 20261121 },
    )
    steks.destroy(STEK)
    assert.equal(outcome(), 'stek_unknown')
  })

  it('opens a ticket anew once its sealing key is gone', () => {
    const { outcome, steks, validator } = setUp()
    assert.equal(outcome(), 'valid')
    steks.destroy(STEK)
    validator.forget(new Set([STEK]))
    assert.equal(outcome(), 'stek_unknown')
  })

  it('refuses a ticket before and after its time', () => {
    const { outcome } = setUp({}, { notBefore: NOW + 2 })
    assert.equal(outcome(), 'not_yet')
    const old = setUp({}, { expires: NOW })
    assert.equal(old.outcome(), 'expired')
  })

  it('refuses a key id of another session', () => {
    const { outcome, request, prove } = setUp()
    assert.equal(outcome(request, prove(request, { keyId: 'AAAAAAAAAAA' })), 'keyid')
  })

  it('refuses a revoked session, and earlier generations only', () => {
    const { outcome, revocations, ticket } = setUp({}, { generation: 4 })
    const session = Buffer.from(ticket.sessionId).toString('base64url')
    revocations.take({ seq: 2, kind: 'revoke', session, generation: 3, until: NOW + 900 }, NOW)
    assert.equal(outcome(), 'valid')
    revocations.take({ seq: 3, kind: 'revoke', session, generation: 4, until: NOW + 900 }, NOW)
    assert.equal(outcome(), 'revoked')
  })

  it('refuses the sessions of a subject opened before, and of a group up to an epoch', () => {
    const { outcome, revocations, ticket } = setUp()
    const subject = Buffer.from(ticket.subject ?? []).toString('base64url')
    const before = { kind: 'revoke-subject', subject, until: NOW + 900 } as const
    revocations.take({ ...before, seq: 2, openedBefore: ticket.notBefore }, NOW)
    assert.equal(outcome(), 'valid')
    revocations.take({ ...before, seq: 3, openedBefore: NOW }, NOW)
    assert.equal(outcome(), 'revoked')
    const other = setUp()
    other.revocations.take({ seq: 2, kind: 'revoke-group', group: 3, epochMax: 6 }, NOW)
    assert.equal(other.outcome(), 'valid')
    other.revocations.take({ seq: 3, kind: 'revoke-group', group: 3, epochMax: 7 }, NOW)
    assert.equal(other.outcome(), 'revoked')
  })

  it('does as told while the feed is silent', () => {
    assert.equal(setUp().outcome(undefined, undefined, NOW + 20), 'valid')
    const closed = setUp({ onFeedSilent: 'closed' })
    assert.equal(closed.outcome(), 'valid')
    assert.equal(closed.outcome(undefined, undefined, NOW + 20), 'feed_silent')
  })

  it('wants the digest of a body where the policy does', () => {
    const { validator, request, prove } = setUp()
    const code = (of: ProvenRequest, coversDigest: boolean) => {
      const proof = { ...prove(of, { coversDigest }), needsDigest: true }
      const validation = validator.validate(of, proof, NOW)
      return validation.kind === 'valid' ? 'valid' : validation.code
    }
    const digested = { ...request, contentDigest: 'sha-256=:AA==:' }
    assert.equal(code(digested, true), 'valid')
    assert.equal(code(digested, false), 'digest_missing')
    assert.equal(code(request, true), 'digest_missing')
  })

  it('remembers a bounded number of tickets and proofs, and refuses rather than forgets', () => {
    const few = setUp({ ticketsMax: 2, proofsMax: 3 })
    for (let i = 0; i < 3; i++) assert.equal(few.outcome(), 'valid')
    assert.equal(few.outcome(), 'replay_window_full')
    for (let i = 0; i < 5; i++) {
      const sealed = few.steks.sealTicket(STEK, contents(), random)
      few.validator.open(`:${sealed.toString('base64')}:`)
    }
    assert.equal(few.validator.tickets, 2)
  })

  it('remembers nothing of a request that is not authentic', () => {
    const { outcome, request, prove } = setUp({ proofsMax: 1 })
    for (let i = 0; i < 10; i++) {
      assert.equal(outcome(request, prove(request, { key: random.bytes(32) })), 'sig_invalid')
    }
    assert.equal(outcome(), 'valid')
  })
})

describe('Steks', () => {
  it('takes keys of 32 bytes only, and seals under keys it has', () => {
    const steks = new Steks()
    assert.throws(() => steks.add(1, new Uint8Array(16)), RangeError)
    assert.throws(() => steks.sealTicket(1, contents(), random), RangeError)
  })

  it('opens octets that stay as they are, and seals as AES-256-GCM', () => {
    const steks = new Steks()
    const key = random.bytes(32)
    steks.add(STEK, key)
    const tickets = Array.from({ length: 500 }, () => contents())
    const sealed = tickets.map((ticket) => steks.sealTicket(STEK, ticket, random))
    const opened = sealed.map((each) => steks.openTicket(readSealedTicket(each) ?? assert.fail()))
    assert.deepEqual(
      opened,
      tickets.map(writeTicketContents).map((each) => Buffer.from(each)),
    )
    const { nonce, aad, ciphertext, tag } =
      readSealedTicket(sealed[0] ?? assert.fail()) ?? assert.fail()
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(aad).setAuthTag(tag)
    assert.deepEqual(Buffer.concat([decipher.update(ciphertext), decipher.final()]), opened[0])
  })
})
