/**
 * What a client does when an edge refuses its request (`apps/browser/session-fetch.ts`): which refusals are worth another try,
 * under which key, and when it is enough.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SessionFetch } from '../../src/apps/browser/session-fetch.ts'
import { ORIGIN, Server, Tab } from '../client-world.ts'

async function clientOfAWhile() {
  const server = new Server()
  const tab = new Tab(server)
  await tab.keeper.session()
  // A session refused right after it was opened is not replaced.
  server.now += 10
  const signed = new SessionFetch(tab.world, tab.keeper)
  const ask = (path = '/a', init: RequestInit = {}) =>
    signed.fetch(new Request(ORIGIN + path, init))
  return { server, tab, ask }
}
const refusal = (status: number, code: string, fields: Record<string, string> = {}): Response =>
  new Response('{}', { status, headers: { 'sessionkey-error': code, ...fields } })
const ticketsOf = ({ requests }: Server) => requests.map(({ headers }) => headers.get('sessionkey'))
const noncesOf = ({ requests }: Server) =>
  requests.map(({ headers }) => /nonce="([^"]+)"/.exec(headers.get('signature-input') ?? '')?.[1])

describe('SessionFetch', () => {
  const needsAnother = [
    ...['session_needed', 'expired', 'revoked', 'superseded', 'ticket_malformed', 'ticket_invalid'],
    ...['ticket_group', 'keyid', 'sig_invalid', 'bearer_refused', 'stek_unknown'],
  ]
  for (const code of needsAnother) {
    it(`asks once more under another session after 401 ${code}, and then gives up`, async () => {
      const { server, ask } = await clientOfAWhile()
      const limit = code === 'stek_unknown' ? 3 : 2
      server.answers = Array.from({ length: 9 }, () => refusal(401, code))
      assert.equal((await ask('/a', { method: 'POST', body: 'x' })).status, 401)
      const tickets = ticketsOf(server)
      assert.equal(tickets.length, limit)
      assert.notEqual(tickets.at(-1), tickets[0])
      assert.equal(new Set(noncesOf(server)).size, limit, 'each with a proof of its own')
    })
  }

  it('takes what else there is as the last word', async () => {
    const { server, ask } = await clientOfAWhile()
    for (const answer of [
      refusal(400, 'digest_mismatch'),
      refusal(401, 'sig_params'),
      refusal(401, 'some_day'),
      new Response('', { status: 401 }),
      new Response('', { status: 503, headers: { 'retry-after': '1' } }),
    ]) {
      server.answers = [answer]
      server.requests.length = 0
      assert.equal((await ask()).status, answer.status)
      assert.equal(server.requests.length, 1)
    }
  })

  it('waits as long as it is told after a 503 of the edge, once', async () => {
    for (const code of [
      'replay_unavailable',
      'feed_silent',
      'replay_window_full',
      'stek_unknown',
    ]) {
      const { server, ask } = await clientOfAWhile()
      const before = server.now
      server.answers = [refusal(503, code, { 'retry-after': '3' })]
      assert.equal((await ask()).status, 200)
      assert.equal(server.now - before, 3)
      const [first, second] = ticketsOf(server)
      assert.equal(first, second)
    }
  })

  it('begins again where waiting did not help: the key of its ticket is gone', async () => {
    const { server, ask } = await clientOfAWhile()
    server.answers = [refusal(503, 'stek_unknown'), refusal(503, 'stek_unknown')]
    assert.equal((await ask()).status, 200)
    const [first, second, third] = ticketsOf(server)
    assert.deepEqual([first === second, second === third], [true, false])
  })

  it('uses the key before where the new one is not known yet', async () => {
    const { server, tab, ask } = await clientOfAWhile()
    const before = await tab.keeper.session()
    await tab.keeper.rotate()
    server.answers = [refusal(503, 'stek_unknown')]
    assert.equal((await ask()).status, 200)
    assert.equal(ticketsOf(server)[1], before.ticket)
  })

  it('asks again with a fresh proof after a replay it did not make, where nothing is done twice', async () => {
    const { server, ask } = await clientOfAWhile()
    server.answers = [refusal(401, 'replay')]
    assert.equal((await ask()).status, 200)
    server.answers = [refusal(401, 'replay')]
    assert.equal((await ask('/a', { method: 'POST', body: 'x' })).status, 401)
    assert.equal(server.requests.length, 3)
  })

  it('learns the clock from the refusal', async () => {
    const { server, tab, ask } = await clientOfAWhile()
    const date = new Date((server.now + 100) * 1000).toUTCString()
    server.answers = [refusal(401, 'sig_stale', { date })]
    assert.equal((await ask()).status, 200)
    assert.equal(Math.round(tab.keeper.now() - server.now), 100)
    server.answers = [refusal(401, 'sig_stale', { date })]
    assert.equal((await ask()).status, 401, 'the clock is not what is wrong')
  })

  it('rotates at once when an answer says so', async () => {
    const { server, tab, ask } = await clientOfAWhile()
    const hint = { 'sessionkey-rotate': `by=${server.now + 60};reason=security` }
    server.answers = [new Response('', { headers: hint })]
    await ask()
    await tab.keeper.work
    assert.equal((await tab.keeper.session()).generation, 2)
  })

  it('leaves redirects to whom they are left to, and ends where they do not', async () => {
    const { server, ask } = await clientOfAWhile()
    const moved = () => new Response('', { status: 302, headers: { location: '/b' } })
    server.answers = [moved()]
    assert.equal((await ask('/a', { redirect: 'manual' })).status, 302)
    server.answers = [moved()]
    await assert.rejects(ask('/a', { redirect: 'error' }), TypeError)
    server.answers = Array.from({ length: 30 }, moved)
    await assert.rejects(ask(), /Too many redirects/)
  })

  it('does not use a request up when no session can be had', async () => {
    const server = new Server()
    server.weather = Array(20).fill(404)
    const tab = new Tab(server)
    const request = new Request(`${ORIGIN}/a`, { method: 'POST', body: 'x' })
    await assert.rejects(new SessionFetch(tab.world, tab.keeper).fetch(request), {
      name: 'SessionError',
    })
    assert.equal(await request.text(), 'x')
  })
})
