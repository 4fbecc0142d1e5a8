import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { beforeEach, describe, it } from 'node:test'
import { Steks } from '../../adapters/node/session-crypto.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { ROTATION_DEFAULTS } from '../../keys/session/rotation-policy.ts'
import type { Suspicion } from '../../keys/session/suspicions.ts'
import type { Validation } from '../../keys/session/validate-request.ts'
import type { SessionKeysGiven } from '../../ports/data-plane.ts'
import { proofBase, writeProofParameters } from '../../wire/session-proof.ts'
import type { TicketContents } from '../../wire/session-ticket.ts'
import { type WorkerSessions, workerSessions } from './worker-sessions.ts'

const NOW = 1_795_000_000
const GROUP = 200
const STEK = ((GROUP << 24) | 3) >>> 0
const NEXT_STEK = STEK + 1
const random = systemRandom()
const KEYS = new Map([STEK, NEXT_STEK].map((stekId) => [stekId, random.bytes(32)]))

const give = (
  stekIds: readonly number[],
  more: Partial<SessionKeysGiven> = {},
): SessionKeysGiven => ({
  // A copy each: who takes them zeroes them.
  keys: stekIds.map((stekId) => ({ stekId, key: new Uint8Array(KEYS.get(stekId) ?? []) })),
  onFeedSilent: 'open',
  rotation: ROTATION_DEFAULTS,
  ...more,
})

const contents = (tier: number): TicketContents => ({
  ...{ flags: 0, suite: 1, epoch: 3, generation: 2, notBefore: NOW - 5, rotateAfter: NOW + 600 },
  ...{ expires: NOW + 900, sessionId: random.bytes(16), requestKey: random.bytes(32), tier },
  ...{ bodyKey: random.bytes(32), policy: 1, subject: undefined, backend: undefined },
  ...{ softBinding: undefined, deviceKey: random.bytes(32) },
})

/** A request under a ticket of its own, asked about as often as wished, with another nonce each time. */
const visitor = (tier = 1) => {
  const ticket = contents(tier)
  const steks = new Steks()
  steks.add(STEK, KEYS.get(STEK) ?? new Uint8Array(0))
  const sessionKey = `:${steks.sealTicket(STEK, ticket, random).toString('base64')}:`
  const id = Buffer.from(ticket.sessionId).toString('base64url')
  const sign = (now: number) => {
    const parameters = writeProofParameters({
      created: Math.floor(now),
      nonce: Buffer.from(random.bytes(12)).toString('base64url'),
      keyId: id.slice(0, 11),
      coversDigest: false,
    })
    const request = {
      ...{ method: 'GET', authority: 'shop.test', path: '/', query: '?', sessionKey },
      contentDigest: undefined,
    }
    const mac = createHmac('sha256', ticket.requestKey).update(proofBase(request, parameters))
    const signature = `lim=:${mac.digest('base64')}:`
    const proof = { input: `lim=${parameters.raw}`, signature, needsDigest: false }
    return [request, proof, now] as const
  }
  const ask = (sessions: WorkerSessions, now = NOW): Validation<unknown> =>
    sessions.guard.validate(...sign(now))
  return { id, ask, sign }
}
const codeOf = (validation: Validation<unknown>): string =>
  validation.kind === 'valid' ? 'valid' : validation.code

let sessions: WorkerSessions
beforeEach(() => {
  sessions = workerSessions(random)
})

describe('workerSessions()', () => {
  it('knows nobody before it is given keys', () => {
    assert.equal(codeOf(visitor().ask(sessions)), 'stek_unknown')
  })

  it('says which keys it holds, and zeroes what it was given', () => {
    const given = give([STEK, NEXT_STEK])
    assert.deepEqual(sessions.take(given), [STEK, NEXT_STEK])
    assert.ok(given.keys.every(({ key }) => key.every((byte) => byte === 0)))
    assert.equal(codeOf(visitor().ask(sessions)), 'valid')
  })

  it('destroys a key that is no longer among them, and forgets its tickets', () => {
    sessions.take(give([STEK, NEXT_STEK]))
    const { ask } = visitor()
    assert.equal(codeOf(ask(sessions)), 'valid')
    assert.deepEqual(sessions.take(give([NEXT_STEK])), [NEXT_STEK])
    assert.equal(codeOf(ask(sessions)), 'stek_unknown')
  })

  it('asks for a key it was not given once, and again as soon as it has lost it', () => {
    const asked: number[] = []
    const host = { onMissed: (stekId: number) => void asked.push(stekId), onSuspected: () => {} }
    const limited = workerSessions(random, undefined, host)
    const groups = [{ group: GROUP, hosts: [] }]
    const { ask } = visitor()
    limited.take(give([], { groups }))
    for (let i = 0; i < 3; i++) assert.equal(codeOf(ask(limited)), 'stek_unknown')
    assert.deepEqual(asked, [STEK])
    limited.take(give([STEK], { groups }))
    assert.equal(codeOf(ask(limited)), 'valid')
    limited.take(give([], { groups }))
    for (let i = 0; i < 3; i++) assert.equal(codeOf(ask(limited)), 'stek_unknown')
    assert.deepEqual(asked, [STEK, STEK])
  })

  it('counts first requests by whether their key was there, each session once', () => {
    sessions.take(give([NEXT_STEK]))
    const { ask } = visitor()
    for (let i = 0; i < 3; i++) ask(sessions)
    assert.deepEqual(sessions.firstRequests(), {}, 'of no group that it knows')
    const groups = [{ group: STEK >>> 24, hosts: [] }]
    sessions.take({ ...give([NEXT_STEK]), groups })
    for (let i = 0; i < 3; i++) ask(sessions)
    sessions.take({ ...give([STEK]), groups })
    for (let i = 0; i < 3; i++) ask(sessions)
    visitor().ask(sessions)
    const [counts] = Object.values(sessions.firstRequests())
    assert.deepEqual({ ...counts, usedUntil: 0 }, { found: 1, missed: 1, late: 1, usedUntil: 0 })
    assert.ok((counts?.usedUntil ?? 0) > NOW)
  })

  it('keeps what it has when the same keys are given again', () => {
    sessions.take(give([STEK]))
    const { ask } = visitor()
    assert.equal(codeOf(ask(sessions)), 'valid')
    assert.deepEqual(sessions.take(give([STEK])), [STEK])
    assert.equal(codeOf(ask(sessions)), 'valid')
  })

  it('refuses who is revoked, from the next request on', () => {
    sessions.take(give([STEK]))
    const { id, ask } = visitor()
    assert.equal(codeOf(ask(sessions)), 'valid')
    const entry = { kind: 'revoke', session: id, generation: 2, until: NOW + 900, seq: 7 } as const
    assert.equal(sessions.hear([entry], true, NOW), true)
    assert.equal(codeOf(ask(sessions)), 'revoked')
  })

  it('says when entries are missing, and takes the feed anew', () => {
    const checkpoint = (seq: number) => ({ kind: 'checkpoint', seq }) as const
    assert.equal(sessions.hear([checkpoint(5), checkpoint(6)], true, NOW), true)
    assert.equal(sessions.hear([checkpoint(8)], false, NOW), false)
    assert.equal(sessions.hear([checkpoint(4), checkpoint(5)], true, NOW), true)
    assert.equal(sessions.hear([checkpoint(6)], false, NOW), true)
  })

  it('refuses all while the feed is silent, where it is told to', () => {
    sessions.take(give([STEK], { onFeedSilent: 'closed' }))
    const { ask } = visitor()
    assert.equal(codeOf(ask(sessions)), 'feed_silent')
    sessions.hear([{ kind: 'checkpoint', seq: 1 }], true, NOW)
    assert.equal(codeOf(ask(sessions)), 'valid')
    assert.equal(codeOf(ask(sessions, NOW + 16)), 'feed_silent')
  })
})

describe('hintFor()', () => {
  const valid = (validation: Validation<unknown>) => {
    assert.ok(validation.kind === 'valid', codeOf(validation))
    return validation.session
  }
  const hint = (one: ReturnType<typeof visitor>, tier: 1 | 2 | 3, now: number) => {
    const session = valid(one.ask(sessions, now))
    return sessions.guard.hintFor(session as never, tier, now)
  }

  it('is nothing before it is time', () => {
    sessions.take(give([STEK]))
    assert.equal(hint(visitor(), 1, NOW + 599), undefined)
  })

  it('is the same until the client has followed it, and costs one rotation', () => {
    sessions.take(give([STEK], { rotation: { ...ROTATION_DEFAULTS, perSecondMax: 1 } }))
    const one = visitor()
    const first = hint(one, 1, NOW + 600)
    assert.equal(first?.reason, 'time')
    assert.deepEqual(hint(one, 1, NOW + 600.5), first)
    assert.equal(hint(visitor(), 1, NOW + 600.5), undefined, 'the one rotation is taken')
  })

  it('is at once when the tier rose, and once', () => {
    sessions.take(give([STEK]))
    const one = visitor(1)
    assert.deepEqual(hint(one, 2, NOW), { by: NOW, reason: 'security' })
    assert.deepEqual(hint(one, 2, NOW + 1), { by: NOW, reason: 'security' })
    assert.equal(hint(visitor(2), 2, NOW), undefined)
  })
})

describe('a suspicion', () => {
  it('is told to the other workers once, and what they are told brings a new key', () => {
    const told: Suspicion[] = []
    const host = { onMissed: () => {}, onSuspected: (one: Suspicion) => void told.push(one) }
    const [first, second] = [workerSessions(random, undefined, host), workerSessions(random)]
    for (const worker of [first, second]) worker.take(give([STEK]))
    const one = visitor()
    const hintOf = (worker: WorkerSessions, tier: 1 | 2 | 3) => {
      const validation = one.ask(worker, NOW)
      assert.ok(validation.kind === 'valid')
      return worker.guard.hintFor(validation.session as never, tier, NOW)
    }
    assert.equal(hintOf(second, 1), undefined)
    assert.equal(hintOf(first, 2)?.reason, 'security')
    hintOf(first, 2)
    assert.deepEqual(told, [{ session: one.id, generation: 2, tier: 2 }])
    for (const suspicion of told) second.suspectedElsewhere(suspicion)
    assert.deepEqual(hintOf(second, 1), { by: NOW, reason: 'security' })
  })
})

describe('what a route asks besides', () => {
  const valid = (validation: Validation<unknown>) => {
    assert.ok(validation.kind === 'valid', codeOf(validation))
    return validation.session as never
  }
  const about = { host: 'Shop.test:8443', tier: 2, level: 'bearer' } as const

  it('groups: by the host, whatever its port and case', () => {
    sessions.take(give([STEK]))
    assert.equal(sessions.guard.groupOf('shop.test'), undefined)
    const groups = [
      { group: GROUP, hosts: ['shop.test'] },
      { group: 3, hosts: [] },
    ]
    sessions.take(give([STEK], { groups }))
    assert.equal(sessions.guard.groupOf('SHOP.test:8443'), GROUP)
    assert.equal(sessions.guard.groupOf('other.test'), 3)
    for (let i = 0; i < 3000; i++) assert.equal(sessions.guard.groupOf(`host${i}.test`), 3)
    assert.equal(sessions.guard.groupOf('shop.test'), GROUP)
  })

  it('assertions: none without a key, whose bytes are zeroed', () => {
    sessions.take(give([STEK]))
    const session = valid(visitor().ask(sessions))
    assert.equal(sessions.guard.assertionFor(session, about, NOW), undefined)
    const { privateKey } = generateKeyPairSync('ed25519')
    const key = () => new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' }))
    const first = key()
    sessions.take(give([STEK], { assertion: { kid: 'a', privateKey: first } }))
    assert.ok(first.every((byte) => byte === 0))
    const line = sessions.guard.assertionFor(session, about, NOW)
    assert.equal(line?.octets.toString(), line?.text)
    const claims = JSON.parse(Buffer.from(line?.text.split('.')[1] ?? '', 'base64url').toString())
    assert.deepEqual([claims.aud, claims.tier, claims.level], ['shop.test', 2, 'bearer'])
    sessions.take(give([STEK], { assertion: { kid: 'a', privateKey: key() } }))
    assert.equal(sessions.guard.assertionFor(session, about, NOW + 59), line, 'the same key')
    sessions.take(give([STEK], { assertion: { kid: 'b', privateKey: key() } }))
    assert.notEqual(sessions.guard.assertionFor(session, about, NOW + 59), line)
  })

  it('assertions: one for each host, tier and level, a few at a time', () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const der = privateKey.export({ format: 'der', type: 'pkcs8' })
    sessions.take(give([STEK], { assertion: { kid: 'a', privateKey: new Uint8Array(der) } }))
    const session = valid(visitor().ask(sessions))
    const lineFor = (host: string) =>
      sessions.guard.assertionFor(session, { ...about, host }, NOW)?.text
    const first = lineFor('a.test')
    assert.notEqual(lineFor('b.test'), first)
    assert.equal(lineFor('a.test'), first)
    // A client that asks under ever new names costs signatures, not memory.
    for (let i = 0; i < 100; i++) lineFor(`h${i}.test`)
    assert.equal(lineFor('a.test'), first, 'Ed25519 says the same again')
  })

  it('proofs that a neighbour has met are used up here too', () => {
    sessions.take(give([STEK]))
    const seen: string[] = []
    const neighbour = workerSessions(random, {
      meet: async () => 'fresh',
      saw: (proof) => seen.push(proof),
    })
    neighbour.take(give([STEK]))
    const one = visitor()
    const request = one.sign(NOW)
    assert.equal(codeOf(neighbour.guard.validate(...request)), 'valid')
    sessions.sawElsewhere(seen, NOW)
    assert.equal(codeOf(sessions.guard.validate(...request)), 'replay')
  })
})
