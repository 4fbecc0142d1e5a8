import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isNavigation, type SessionRefusal, sessionAnswer } from './session-answer.ts'

const STATUSES: Readonly<Record<SessionRefusal, number>> = {
  ...{ session_needed: 401, sig_params: 401, sig_stale: 401, ticket_malformed: 401 },
  ...{ ticket_invalid: 401, not_yet: 401, expired: 401, ticket_group: 401, revoked: 401 },
  ...{ superseded: 401, keyid: 401, digest_missing: 401, sig_invalid: 401, replay: 401 },
  ...{ bearer_refused: 401, digest_mismatch: 400, body_unsealed: 400, body_malformed: 400 },
  ...{ body_keyid: 400, body_truncated: 400, body_auth: 400 },
  ...{ stek_unknown: 503, feed_silent: 503, replay_window_full: 503, replay_unavailable: 503 },
}

const NOW = Date.UTC(2026, 10, 21, 11, 22, 33, 444)

describe('sessionAnswer()', () => {
  for (const [code, status] of Object.entries(STATUSES) as [SessionRefusal, number][]) {
    it(`${code} is ${status}`, () => {
      const answer = sessionAnswer(code, '01DECISION', false, NOW)
      const fields = new Map(answer.fields)
      assert.equal(answer.status, status)
      assert.equal(fields.get('SessionKey-Error'), code)
      assert.equal(fields.get('Cache-Control'), 'no-store')
      assert.equal(fields.get('Date'), 'Sat, 21 Nov 2026 11:22:33 GMT')
      assert.equal(fields.get('WWW-Authenticate'), status === 401 ? 'Limen' : undefined)
      assert.equal(fields.get('Retry-After'), status === 503 ? '1' : undefined)
      const problem = JSON.parse(answer.body) as Record<string, unknown>
      assert.deepEqual(
        [problem['type'], problem['status'], problem['decision']],
        [`urn:limen:err:${code}`, status, '01DECISION'],
      )
      assert.match(String(problem['title']), /^(?:Unauthorized|Bad Request|Service Unavailable)$/)
    })
  }

  it('is a page only where opening a session is of use', () => {
    const typeOf = (code: SessionRefusal) =>
      new Map(sessionAnswer(code, '', true, NOW).fields).get('Content-Type')
    assert.equal(typeOf('session_needed'), 'text/html; charset=utf-8')
    assert.equal(typeOf('feed_silent'), 'application/problem+json')
    // Its worker knows what to do; a cookie has nobody to try again.
    assert.equal(typeOf('stek_unknown'), 'text/html; charset=utf-8')
    assert.equal(sessionAnswer('stek_unknown', '', true, NOW).status, 401)
  })
})

it('isNavigation() believes Sec-Fetch-Mode before Accept', () => {
  assert.ok(isNavigation('GET', 'navigate', ''))
  assert.ok(isNavigation('HEAD', '', 'text/html, */*;q=0.8'))
  assert.ok(!isNavigation('GET', 'cors', 'text/html'))
  assert.ok(!isNavigation('GET', '', '*/*'))
  assert.ok(!isNavigation('POST', 'navigate', 'text/html'))
})
