/**
 * Session keys at the edge (LSK/1): who passes, who does not and what they hear, over HTTP/1.1 and HTTP/2. The cookie,
 * bodies and WebSockets are in files of their own.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Echoed } from './edge-origin.ts'
import {
  type Answered,
  type Asking,
  codeOf,
  echoed,
  HOST,
  type Holder,
  OTHER_GROUP_STEK,
  readAssertion,
  type SessionEdge,
  STEK,
  STRANGE_STEK,
  startSessionEdge,
  VERSIONS,
} from './session-edge-under-test.ts'

let site: SessionEdge
let user: Holder
before(async () => {
  site = await startSessionEdge()
  user = await site.holder()
})
after(() => site.close())

const assertionIn = ({ headers }: Echoed): Record<string, unknown> | undefined =>
  readAssertion(headers['limen-assertion']?.[0] ?? '..')

for (const version of VERSIONS) {
  const ask = (asking: Asking): Promise<Answered> => site.ask(version, asking)
  const askAs = (holder: Holder, asking?: Asking) => site.askAs(holder, version, asking)

  describe(`who asks over ${version} under a session key`, () => {
    it('passes, and the server is told who it is', async () => {
      const subject = new Uint8Array(16).fill(9)
      const holder = await site.holder({ subject, generation: 3 })
      const answer = await askAs(holder, { path: '/echo?a=1&b=2' })
      assert.equal(codeOf(answer), '200')
      const { iat, exp, ...claims } = assertionIn(echoed(answer)) ?? {}
      assert.deepEqual(claims, {
        ...{ iss: 'limen', aud: HOST, sub: Buffer.from(subject).toString('base64url') },
        ...{ sid: holder.id, gen: 3, tier: 1, level: 'proof' },
      })
      assert.ok(Math.abs(Number(iat) - site.now()) < 5)
      assert.equal(Number(exp) - Number(iat), 120)
    })

    it('is named by no subject when nobody logged in', async () => {
      const claims = assertionIn(echoed(await askAs(user)))
      assert.equal(claims?.['sid'], user.id)
      assert.equal('sub' in (claims ?? {}), false)
    })

    it('shows its proof to the edge only', async () => {
      const fields = { 'limen-assertion': 'forged', limen_assertion: 'forged', 'x-mine': 'kept' }
      const { headers } = echoed(await askAs(user, { fields }))
      for (const name of ['sessionkey', 'signature', 'signature-input', 'limen_assertion']) {
        assert.equal(headers[name], undefined, name)
      }
      assert.equal(headers['limen-assertion']?.length, 1)
      assert.ok(readAssertion(headers['limen-assertion']?.[0] ?? '..') !== undefined)
      assert.deepEqual(headers['x-mine'], ['kept'])
    })

    it('gets the same assertion for a minute, then another', async () => {
      const holder = await site.holder()
      const one = echoed(await askAs(holder)).headers['limen-assertion']
      assert.deepEqual(echoed(await askAs(holder)).headers['limen-assertion'], one)
      site.pass(61)
      const later = echoed(await askAs(holder)).headers['limen-assertion']
      assert.notDeepEqual(later, one)
      assert.ok(readAssertion(later?.[0] ?? '..') !== undefined)
    })

    it('passes with a host in capitals and the port that goes without saying', async () => {
      const port = version === 'HTTP/2' ? 443 : 80
      const fields = await user.sign({})
      assert.equal(codeOf(await ask({ fields, authority: `Site.TEST:${port}` })), '200')
    })

    it('passes with every safe and unsafe method, each time', async () => {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST']) {
        assert.equal(codeOf(await askAs(user, { method })), '200', method)
      }
    })

    it('keeps its connection when it is refused', async () => {
      const refused = await ask({})
      assert.equal(codeOf(refused), '401 session_needed')
      const method = 'DELETE'
      const post = { method, fields: await user.sign({ method }) }
      const ports = [await ask(post), await ask(post), await askAs(user)].map(({ port }) => port)
      assert.deepEqual(ports, [refused.port, refused.port, refused.port])
    })
  })

  describe(`who is refused over ${version}`, () => {
    const changed = async (
      change: (fields: Record<string, string>) => Record<string, string>,
      asking: Asking = {},
    ): Promise<string> => {
      const fields = change(await user.sign(asking))
      return codeOf(await ask({ ...asking, fields }))
    }
    const codeAs = async (holder: Holder, asking?: Asking): Promise<string> =>
      codeOf(await askAs(holder, asking))

    it('session_needed: nothing is shown', async () => {
      assert.equal(codeOf(await ask({})), '401 session_needed')
      assert.equal(codeOf(await ask({ method: 'POST' })), '401 session_needed')
    })

    it('sig_params: a ticket without a proof, or with one of another form', async () => {
      assert.equal(await changed(({ sessionkey = '' }) => ({ sessionkey })), '401 sig_params')
      for (const name of ['signature', 'signature-input']) {
        const { [name]: _, ...rest } = await user.sign({})
        assert.equal(codeOf(await ask({ fields: rest })), '401 sig_params', name)
        const spoilt = { ...rest, [name]: 'lim=:x:' }
        assert.equal(codeOf(await ask({ fields: spoilt })), '401 sig_params', name)
      }
    })

    it('sig_params: a proof that is there twice', async () => {
      for (const name of ['signature', 'signature-input', 'sessionkey']) {
        const fields = await user.sign({})
        const doubled = { ...fields, [name]: [fields[name] ?? '', fields[name] ?? ''] }
        const answer = codeOf(await ask({ fields: doubled }))
        assert.match(answer, /^401 (?:sig_params|ticket_malformed)$/, name)
      }
    })

    it('sig_stale: too old, too far ahead', async () => {
      for (const skew of [-32, 7]) {
        const fields = await user.sign({}, site.now() + skew)
        assert.equal(codeOf(await ask({ fields })), '401 sig_stale', `${skew} s`)
      }
      for (const skew of [-28, 4]) {
        const fields = await user.sign({}, site.now() + skew)
        assert.equal(codeOf(await ask({ fields })), '200', `${skew} s`)
      }
    })

    it('ticket_malformed, ticket_invalid: a ticket that was never ours', async () => {
      const spoil = (at: number) => (fields: Record<string, string>) => {
        const bytes = Buffer.from((fields['sessionkey'] ?? '').slice(1, -1), 'base64')
        bytes[at] = (bytes[at] ?? 0) ^ 1
        return { ...fields, sessionkey: `:${bytes.toString('base64')}:` }
      }
      assert.equal(await changed(spoil(0)), '401 ticket_malformed')
      assert.equal(await changed(spoil(40)), '401 ticket_invalid')
      assert.equal(
        await changed((fields) => ({ ...fields, sessionkey: 'x' })),
        '401 ticket_malformed',
      )
    })

    it('stek_unknown: an epoch that is not here (any more)', async () => {
      assert.equal(await codeAs(await site.holder({}, STRANGE_STEK)), '503 stek_unknown')
    })

    it('not_yet, expired', async () => {
      const now = Math.floor(site.now())
      assert.equal(await codeAs(await site.holder({ notBefore: now + 60 })), '401 not_yet')
      assert.equal(await codeAs(await site.holder({ expires: now - 1 })), '401 expired')
    })

    it('ticket_group: a session of another site', async () => {
      assert.equal(await codeAs(await site.holder({}, OTHER_GROUP_STEK)), '401 ticket_group')
    })

    it('keyid: the proof names another session', async () => {
      const other = await site.holder()
      const fields = { ...(await user.sign({})), sessionkey: other.session.ticket }
      assert.equal(codeOf(await ask({ fields })), '401 keyid')
    })

    it('sig_invalid: a ticket without its key', async () => {
      const thief = await site.holder({ sessionId: user.contents.sessionId })
      const fields = { ...(await thief.sign({})), sessionkey: user.session.ticket }
      assert.equal(codeOf(await ask({ fields })), '401 sig_invalid')
    })

    it('sig_invalid: another method, path, query or host than signed', async () => {
      const signed = { path: '/echo?to=alice' }
      const others: readonly Asking[] = [
        { ...signed, method: 'DELETE' },
        { path: '/echo/?to=alice' },
        { path: '/ECHO?to=alice' },
        { path: '/echo?to=mallory' },
        { path: '/echo' },
        { ...signed, authority: 'other.test' },
        { ...signed, authority: `${HOST}:8443` },
      ]
      for (const asked of others) {
        const fields = await user.sign(signed)
        assert.equal(
          codeOf(await ask({ ...asked, fields })),
          '401 sig_invalid',
          JSON.stringify(asked),
        )
      }
    })

    it('sig_params: a request of the name that WebSockets sign with', async () => {
      assert.equal(await codeAs(user, { method: 'WS' }), '401 sig_params')
    })

    it('replay: the same once more, safe or not', async () => {
      for (const method of ['GET', 'POST']) {
        const asking = { method, fields: await user.sign({ method }) }
        assert.equal(codeOf(await ask(asking)), '200', method)
        assert.equal(codeOf(await ask(asking)), '401 replay', method)
      }
    })

    it('sig_stale: the same once more after its time, when nobody remembers it', async () => {
      const fields = await user.sign({})
      assert.equal(codeOf(await ask({ fields })), '200')
      site.pass(80)
      assert.equal(codeOf(await ask({ fields })), '401 sig_stale')
    })

    it('replay: the same to another worker', async () => {
      const other = await site.neighbour()
      try {
        const post = { method: 'POST', fields: await user.sign({ method: 'POST' }) }
        assert.equal(codeOf(await ask(post)), '200')
        assert.equal(codeOf(await other.ask(version, post)), '401 replay')
        const get = { fields: await user.sign({}) }
        assert.equal(codeOf(await ask(get)), '200')
        // Safe ones are told to the others in batches.
        let heard = ''
        while (heard !== '401 replay') {
          const next = { fields: await user.sign({}) }
          assert.equal(codeOf(await ask(next)), '200')
          await new Promise((resolve) => setTimeout(resolve, 30))
          heard = codeOf(await other.ask(version, next))
        }
        assert.equal(codeOf(await other.ask(version, get)), '401 replay')
      } finally {
        await other.close()
      }
    })

    it('revoked, superseded: from the next request on', async () => {
      const [one, other] = [await site.holder(), await site.holder({ generation: 4 })]
      assert.equal(await codeAs(one), '200')
      assert.equal(await codeAs(other), '200')
      const until = site.now() + 900
      const entries = [
        { kind: 'revoke', session: one.id, generation: 9, until, seq: 1 },
        ...[
          { kind: 'supersede', session: other.id, generation: 4, after: site.now(), until, seq: 2 },
        ],
      ] as const
      site.worker.hear(entries, true, site.now())
      assert.equal(await codeAs(one), '401 revoked')
      assert.equal(await codeAs(other), '401 superseded')
      const next = await site.holder({ sessionId: other.contents.sessionId, generation: 5 })
      assert.equal(await codeAs(next), '200')
    })

    it('feed_silent: nobody knows who is revoked, and the policy is closed', async () => {
      site.give({ onFeedSilent: 'closed' })
      try {
        site.worker.hear([{ kind: 'checkpoint', seq: 1 }], true, site.now())
        assert.equal(await codeAs(user), '200')
        site.worker.hear([{ kind: 'checkpoint', seq: 1 }], true, site.now() - 16)
        assert.equal(await codeAs(user), '503 feed_silent')
      } finally {
        site.give()
      }
    })
  })

  describe(`a browser without a session over ${version}`, () => {
    const page = { accept: 'text/html,application/xhtml+xml', 'sec-fetch-mode': 'navigate' }

    it('gets the page that opens one', async () => {
      const answer = await ask({ fields: page })
      assert.equal(codeOf(answer), '401 session_needed')
      assert.equal(answer.fields['content-type'], 'text/html; charset=utf-8')
      assert.match(String(answer.fields['content-security-policy']), /^default-src 'self';/)
      assert.match(answer.body, /<script type="module" src="\/\.well-known\/limen\/start\.js">/)
      assert.match(answer.body, /<noscript>/)
      // Nothing but that script: the policy would stop it anyway.
      assert.equal(answer.body.match(/<script|<style|<link|<img| on\w+=/g)?.length, 1)
    })

    it('gets a problem instead when a script asks', async () => {
      for (const fields of [
        { ...page, 'sec-fetch-mode': 'cors' },
        { accept: 'application/json' },
      ]) {
        const answer = await ask({ fields })
        assert.equal(answer.fields['content-type'], 'application/problem+json')
      }
      const answer = await ask({ method: 'POST', fields: page })
      assert.equal(answer.fields['content-type'], 'application/problem+json')
    })

    it('gets the head of it for HEAD', async () => {
      const answer = await ask({ method: 'HEAD', fields: page })
      assert.deepEqual([codeOf(answer), answer.body], ['401 session_needed', ''])
    })
  })

  describe(`a client that should rotate, over ${version}`, () => {
    it('is told by when and why, with every answer', async () => {
      const now = Math.floor(site.now())
      const holder = await site.holder({ notBefore: now - 700, rotateAfter: now - 100 })
      const first = String((await askAs(holder)).fields['sessionkey-rotate'])
      const by = Number(/^by=(\d+);reason=time$/.exec(first)?.[1])
      assert.ok(by > now && by < now + 120, first)
      assert.equal((await askAs(holder)).fields['sessionkey-rotate'], first)
      assert.equal((await askAs(user)).fields['sessionkey-rotate'], undefined)
    })
  })

  describe(`fields of a megabyte over ${version}`, () => {
    for (const name of ['sessionkey', 'signature', 'signature-input']) {
      it(`${name}: is refused, and others are served on`, async () => {
        const fields = { ...(await user.sign({})), [name]: 'A'.repeat(1_000_000) }
        const other = await startSessionEdge()
        try {
          const status = await other.ask(version, { fields }).then(
            (answer) => answer.status,
            () => 0,
          )
          assert.ok(status === 431 || status === 0, `${status}`)
          assert.equal(codeOf(await other.askAs(await other.holder(), version)), '200')
        } finally {
          await other.close()
        }
      })

      it(`${name}: as long as a head may be is refused by what it says`, async () => {
        const fields = { ...(await user.sign({})), [name]: 'A'.repeat(6_000) }
        const code = name === 'sessionkey' ? '401 ticket_malformed' : '401 sig_params'
        assert.equal(codeOf(await ask({ fields })), code)
      })
    }
  })
}

describe('where a session key is optional', () => {
  let open: SessionEdge
  before(async () => {
    open = await startSessionEdge({ sessionKey: 'optional' })
  })
  after(() => open.close())

  for (const version of VERSIONS) {
    it(`who shows none over ${version} passes as nobody`, async () => {
      const fields = { 'limen-assertion': 'forged', signature: 'sig1=:AA==:' }
      const { headers } = echoed(await open.ask(version, { fields }))
      assert.equal(headers['limen-assertion'], undefined)
      assert.equal(headers['signature'], undefined)
    })

    it(`who shows a good one over ${version} is known, who shows a bad one refused`, async () => {
      const holder = await open.holder()
      const fields = await holder.sign({})
      const answer = await open.ask(version, { fields })
      assert.equal(assertionIn(echoed(answer))?.['sid'], holder.id)
      assert.equal(codeOf(await open.ask(version, { fields })), '401 replay')
    })
  }
})

describe('a path that the server behind may read as another', () => {
  let mixed: SessionEdge
  before(async () => {
    mixed = await startSessionEdge({
      routes: [
        { host: '', path: '/account', sessionKey: 'required' },
        { host: '', path: '/Shop', sessionKey: 'required' },
        { host: '', path: '/club/', sessionKey: 'required' },
        { host: '', path: '/' },
      ],
    })
  })
  after(() => mixed.close())

  for (const version of VERSIONS) {
    it(`leads around no check, over ${version}`, async () => {
      const code = async (path: string) => codeOf(await mixed.ask(version, { path }))
      for (const path of [
        ...[
          '/public/../account',
          '/%61ccount/x',
          '/public/%2e%2e/account',
          '//account',
          '/./account',
        ],
        ...[
          '/ACCOUNT',
          '/public%2F..%2Faccount',
          '/public/..;/account',
          '/account;v=1',
          '/shop',
          '/club',
        ],
      ]) {
        assert.equal(await code(path), '404', path)
      }
      for (const path of ['/account', '/account/%61', '/Shop', '/Shop/cart']) {
        assert.equal(await code(path), '401 session_needed', path)
      }
      for (const path of ['/', '/Public/%61?to=/account', '/accounts', '/a/../b?x=%2Faccount']) {
        assert.equal(await code(path), '200', path)
      }
    })
  }
})

describe('where session keys are not looked at', () => {
  for (const version of VERSIONS) {
    it(`the fields of a proof pass as they came, over ${version}`, async () => {
      const off = await startSessionEdge({ sessionKey: 'off' })
      try {
        const fields = await (await off.holder()).sign({})
        const more = { 'limen-assertion': 'forged' }
        const { headers } = echoed(await off.ask(version, { fields: { ...fields, ...more } }))
        for (const [name, value] of Object.entries(fields)) {
          assert.deepEqual(headers[name], [value])
        }
        assert.equal(headers['limen-assertion'], undefined)
      } finally {
        await off.close()
      }
    })
  }
})

describe('when nobody can say whether a proof is fresh', () => {
  const failing = { meet: async () => 'failed' as const, saw: () => {} }

  for (const version of VERSIONS) {
    it(`${version}: unsafe requests are refused by default, others are not`, async () => {
      const other = await startSessionEdge({ replay: failing })
      try {
        const holder = await other.holder()
        const code = async (method: string) =>
          codeOf(await other.askAs(holder, version, { method }))
        assert.equal(await code('POST'), '503 replay_unavailable')
        assert.equal(await code('GET'), '200')
        other.give({ onReplayError: 'open' })
        assert.equal(await code('POST'), '200')
      } finally {
        await other.close()
      }
    })
  }
})

it('an edge that was given no keys lets nobody pass', async () => {
  const bare = await startSessionEdge()
  try {
    bare.worker.take({
      ...{ keys: [], onFeedSilent: 'open' },
      rotation: { everyS: 600, leastS: 60, mostS: 600, tierFactor: [1, 1], perSecondMax: 1 },
    })
    for (const version of VERSIONS) {
      assert.equal(codeOf(await bare.ask(version, {})), '401 session_needed')
      assert.equal(
        codeOf(await bare.askAs(await bare.holder({}, STEK), version)),
        '503 stek_unknown',
      )
    }
  } finally {
    await bare.close()
  }
})
