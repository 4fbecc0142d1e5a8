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

function started(change: { collect?: 'off' | 'bot-only' | 'profile'; hasRoom?: boolean } = {}) {
  const heard: HeardBatch[] = []
  const refused: string[] = []
  const desk = new BehaviorDesk({
    ...{ cookies: () => cookies, random, clock: { now: () => Date.now() } },
    ...{ collect: () => change.collect ?? 'profile', everyMs: () => 3000 },
    hasRoom: () => change.hasRoom ?? true,
    take: (one) => heard.push(one),
    standing: () => ({ known: false, tier: 1, score: 0, confidence: 0, reasons: [] }),
    onRefused: (why) => refused.push(why),
  })
  const ask = (more: Partial<DeskRequest> = {}) =>
    desk.answer({
      ...{ method: 'GET', path: BEHAVIOR_PATH, contentType: '', secure: true, site: '' },
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

  it('is off without TLS, or when it is off', () => {
    const { ask } = started()
    assert.equal(ask({ secure: false }).body, '{"mode":"off"}')
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
