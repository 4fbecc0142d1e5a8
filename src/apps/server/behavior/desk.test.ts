import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { actPerson } from '../../../../test/acted-person.ts'
import { BEHAVIOR_COOKIE, BehaviorCookies } from '../../../adapters/edge/behavior-cookie.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { BEHAVIOR_BYTES_MAX, BEHAVIOR_PATH } from '../../../wire/behavior-batch.ts'
import { writeBehaviorBody, writeBehaviorEnvelope } from '../../../wire/behavior-batch-writer.ts'
import { BehaviorDesk, type DeskRequest, type HeardBatch } from './desk.ts'

const random = systemRandom()
const cookies = new BehaviorCookies(random.bytes(32))

interface Change {
  readonly collect?: 'off' | 'bot-only' | 'profile'
  readonly hasRoom?: boolean
  readonly plainLoopback?: boolean
  readonly perMinute?: { readonly session: number; readonly address: number }
}

function started(change: Change = {}) {
  const heard: HeardBatch[] = []
  const refused: string[] = []
  const desk = new BehaviorDesk({
    ...{ cookies: () => cookies, random, clock: { now: () => Date.now() } },
    ...{ collect: () => change.collect ?? 'profile', everyMs: () => 3000 },
    plainLoopback: change.plainLoopback ?? false,
    perMinute: change.perMinute ?? { session: 0, address: 0 },
    hasRoom: () => change.hasRoom ?? true,
    take: (one) => heard.push(one),
    standing: () => ({ known: false, tier: 1, score: 0, confidence: 0, reasons: [] }),
    onRefused: (why) => refused.push(why),
  })
  const ask = (more: Partial<DeskRequest> = {}) =>
    desk.answer({
      ...{ method: 'GET', path: BEHAVIOR_PATH, contentType: '', tls: 'TLSv1.3', site: '' },
      address: '192.0.2.1',
      ...{ session: '', body: Buffer.alloc(0), ...more },
    })
  const tokenFor = (session: string) =>
    Buffer.from((JSON.parse(ask({ session }).body) as { token: string }).token, 'base64url')
  const post = (session: string, body: Uint8Array) =>
    ask({ method: 'POST', contentType: 'application/limen-behavior', session, body })
  return { ask, post, tokenFor, heard, refused }
}
const body = writeBehaviorBody(actPerson(1).password())
const envelope = (token: Uint8Array, change: object = {}) =>
  writeBehaviorEnvelope({
    ...{ deflated: false, botOnly: false, page: 1, sequence: 0, token, body },
    ...change,
  })

describe('BehaviorDesk', () => {
  it('gives who has no session one, and who has one only a token', () => {
    const { ask } = started()
    const { status, fields, body } = ask()
    assert.equal(status, 200)
    assert.equal(fields['cache-control'], 'no-store')
    const cookie = fields['set-cookie'] ?? ''
    assert.match(cookie, /; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
    assert.ok(cookies.sessionOf(cookie.split(';')[0] ?? '') !== undefined)
    assert.ok(cookie.startsWith(BEHAVIOR_COOKIE))
    const { mode, everyMs } = JSON.parse(body) as { mode: string; everyMs: number }
    assert.deepEqual([mode, everyMs], ['profile', 3000])
    assert.equal(ask({ session: 's' }).fields['set-cookie'], undefined)
  })

  it('takes batches, deflated too, and hands out the next token', () => {
    const { post, tokenFor, heard } = started()
    const answer = post('s', envelope(tokenFor('s')))
    assert.equal(answer.status, 204)
    const token = Buffer.from(answer.fields['limen-next'] ?? '', 'base64url')
    const deflated = { deflated: true, body: deflateRawSync(body), sequence: 1, botOnly: true }
    assert.equal(post('s', envelope(token, deflated)).status, 204)
    assert.deepEqual(
      heard.map(({ session, page, botOnly, batch }) => [
        session,
        page,
        botOnly,
        batch.records.length,
      ]),
      [
        ['s', 1, false, 9],
        ['s', 1, true, 9],
      ],
    )
  })

  it('makes no profile in bot-only, whatever the page says', () => {
    const { post, tokenFor, heard } = started({ collect: 'bot-only' })
    assert.equal(post('s', envelope(tokenFor('s'), { botOnly: false })).status, 204)
    assert.deepEqual(
      heard.map(({ botOnly }) => botOnly),
      [true],
    )
  })

  it('is off without TLS 1.3, and says so to who sends all the same', () => {
    const { ask, heard, tokenFor } = started()
    for (const [tls, address] of [
      ['', '192.0.2.1'],
      ['', '127.0.0.1'],
      ['TLSv1.2', '192.0.2.1'],
      ['unknown', '127.0.0.1'],
    ] as const) {
      assert.equal(ask({ tls, address }).body, '{"mode":"off"}')
      const batch = { method: 'POST', contentType: 'application/limen-behavior', session: 's' }
      const answer = ask({ ...batch, tls, address, body: envelope(tokenFor('s')) })
      assert.equal(answer.status, 403)
      assert.equal(JSON.parse(answer.body).title, 'tls_1_3_required')
    }
    assert.equal(heard.length, 0)
  })

  it('takes plain text from this machine only, where it is told so', () => {
    const { ask } = started({ plainLoopback: true })
    const modeOf = (tls: string, address: string) => JSON.parse(ask({ tls, address }).body).mode
    for (const address of ['127.0.0.1', '::1']) assert.equal(modeOf('', address), 'profile')
    assert.equal(modeOf('', '192.0.2.1'), 'off')
    assert.equal(modeOf('TLSv1.2', '127.0.0.1'), 'off')
  })

  it('takes so many of a session and of an address, and says when to come again', () => {
    const { ask, post, tokenFor, refused } = started({ perMinute: { session: 2, address: 0 } })
    for (const sequence of [0, 1]) {
      assert.equal(post('s', envelope(tokenFor('s'), { sequence })).status, 204)
    }
    const third = envelope(tokenFor('s'), { sequence: 2 })
    const answer = post('s', third)
    assert.deepEqual([answer.status, answer.fields['retry-after']], [429, '30'])
    assert.equal(post('t', envelope(tokenFor('t'))).status, 204)
    assert.deepEqual(refused, ['too_many'])
    const some = started({ perMinute: { session: 0, address: 3 } })
    const from = (address: string) => some.ask({ address }).status
    assert.deepEqual(
      [1, 2, 3, 4].map(() => from('192.0.2.1')),
      [200, 200, 200, 429],
    )
    assert.equal(from('192.0.2.2'), 200)
    // One network of IPv6, however many addresses it takes.
    const network = [1, 2, 3, 4].map((host) => from(`2001:db8:1::${host}`))
    assert.deepEqual(network, [200, 200, 200, 429])
    assert.equal(ask().status, 200)
  })

  it('is off when it is off', () => {
    const off = started({ collect: 'off' })
    assert.equal(off.ask().body, '{"mode":"off"}')
    assert.equal(off.post('s', Buffer.alloc(40)).status, 410)
  })

  it('keeps the token of who must wait', () => {
    const { post, tokenFor, heard } = started({ hasRoom: false })
    const answer = post('s', envelope(tokenFor('s')))
    assert.deepEqual([answer.status, answer.fields['retry-after'], heard.length], [503, '5', 0])
  })

  it('refuses bombs, other methods, other paths and other sites', () => {
    const { ask, post, tokenFor } = started()
    const bomb = deflateRawSync(Buffer.alloc(BEHAVIOR_BYTES_MAX + 1))
    assert.equal(post('s', envelope(tokenFor('s'), { deflated: true, body: bomb })).status, 400)
    assert.equal(ask({ method: 'PUT' }).status, 405)
    assert.equal(ask({ path: `${BEHAVIOR_PATH}/you` }).status, 404)
    assert.equal(ask({ site: 'cross-site' }).status, 403)
    assert.equal(ask({ site: 'same-site' }).status, 403)
    assert.equal(ask({ site: 'none' }).status, 200)
    assert.equal(ask({ path: `${BEHAVIOR_PATH}/me` }).status, 200)
  })

  it('never throws, and takes nothing that is changed (fuzz)', () => {
    const { post, tokenFor, heard } = started()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(10), (bytes, at) => {
        assert.notEqual(post('s', bytes).status, 204)
        const good = envelope(tokenFor('s'))
        good[11 + at] = (good[11 + at] ?? 0) ^ 0x55
        assert.equal(post('s', good).status, 403)
      }),
      { seed: 5, numRuns: 300 },
    )
    assert.equal(heard.length, 0)
  })
})
