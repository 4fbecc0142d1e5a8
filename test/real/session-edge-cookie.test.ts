/**
 * The session cookie at the edge: taken where a route and the ticket say so, as a lower level; never sent on.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TICKET_FLAG } from '../../src/wire/session-ticket.ts'
import { send } from './raw-client.ts'
import {
  codeOf,
  echoed,
  HOST,
  type Holder,
  readAssertion,
  type SessionEdge,
  startSessionEdge,
  VERSIONS,
} from './session-edge-under-test.ts'

const LAX = { replay: 'edge', bodyDigest: true, sealBodies: false, bearer: true } as const
const cookieOf = ({ session }: Holder): string =>
  `__Host-limen=${Buffer.from(session.ticket.slice(1, -1), 'base64').toString('base64url')}`

let site: SessionEdge
let strict: SessionEdge
let user: Holder
before(async () => {
  site = await startSessionEdge({ session: LAX })
  strict = await startSessionEdge()
  user = await site.holder({ flags: TICKET_FLAG.bearer })
})
after(async () => {
  await site.close()
  await strict.close()
})

for (const version of VERSIONS) {
  const code = async (cookie: string, edge = site) =>
    codeOf(await edge.ask(version, { fields: { cookie } }))

  describe(`the session cookie over ${version}`, () => {
    it('says who it is, as a bearer, as often as it comes', async () => {
      const fields = { cookie: cookieOf(user) }
      for (let i = 0; i < 2; i++) {
        const { headers } = echoed(await site.ask(version, { fields }))
        const claims = readAssertion(headers['limen-assertion']?.[0] ?? '..')
        assert.deepEqual([claims?.['sid'], claims?.['level']], [user.id, 'bearer'])
      }
    })

    it('is weaker than a proof that comes with it', async () => {
      const fields = { cookie: cookieOf(user) }
      const { headers } = echoed(await site.askAs(user, version, { fields }))
      assert.equal(readAssertion(headers['limen-assertion']?.[0] ?? '..')?.['level'], 'proof')
      const stale = { ...(await user.sign({}, site.now() - 60)), ...fields }
      assert.equal(codeOf(await site.ask(version, { fields: stale })), '401 sig_stale')
    })

    it('is cut, other cookies are not', async () => {
      const own = cookieOf(user)
      const cases: readonly (readonly [string, string | undefined])[] = [
        [own, undefined],
        [`a=1; ${own}`, 'a=1'],
        [`${own}; a=1`, 'a=1'],
        [`a=1; ${own}; __Host-limen-site=x; b="2"`, 'a=1; __Host-limen-site=x; b="2"'],
        [`a=1;${own};b=2`, 'a=1; b=2'],
        [`${own}; a=1; __Host-limen=other`, 'a=1'],
      ]
      for (const [cookie, left] of cases) {
        const fields = { cookie, 'x-after': 'here' }
        const { headers } = echoed(await site.ask(version, { fields }))
        assert.deepEqual(headers['cookie'], left === undefined ? undefined : [left], cookie)
        assert.deepEqual(headers['x-after'], ['here'])
      }
      const fields = { cookie: `a=1; ${own}` }
      const { headers } = echoed(await strict.askAs(await strict.holder(), version, { fields }))
      assert.deepEqual(headers['cookie'], ['a=1'], 'also where it does not count')
    })

    it('does not count where the route does not take it', async () => {
      assert.equal(await code(cookieOf(user), strict), '401 session_needed')
    })

    it('bearer_refused: the ticket does not say so', async () => {
      assert.equal(await code(cookieOf(await site.holder())), '401 bearer_refused')
    })

    it('is refused as a ticket would be', async () => {
      const flags = TICKET_FLAG.bearer
      const now = Math.floor(site.now())
      assert.equal(await code('__Host-limen=AAAA'), '401 ticket_malformed')
      assert.equal(await code('__Host-limen='), '401 ticket_malformed')
      assert.equal(
        await code(cookieOf(await site.holder({ flags, expires: now - 1 }))),
        '401 expired',
      )
    })

    it('leads a browser whose session is over to the page that opens one', async () => {
      const over = await site.holder({ flags: TICKET_FLAG.bearer, expires: 1 })
      const fields = { cookie: cookieOf(over), 'sec-fetch-mode': 'navigate' }
      const answer = await site.ask(version, { fields })
      assert.equal(codeOf(answer), '401 expired')
      assert.equal(answer.fields['content-type'], 'text/html; charset=utf-8')
    })
  })
}

it('two Cookie fields of HTTP/1.1 are refused: a second one would pass unseen', async () => {
  const head = `GET /echo HTTP/1.1\r\nHost: ${HOST}\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n`
  const { answers } = await send({
    ...{ port: site.edge.plainPort, pieces: [head], endAfter: 1, withinMs: 5_000 },
  })
  assert.match(answers[0]?.head ?? '', /SessionKey-Error: sig_params/)
})
