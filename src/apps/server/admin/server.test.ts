import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { noTraffic } from '../../../../test/fake-data-plane.ts'
import { type RunningLimen, runLimen, SHORT_CONFIG } from '../../../../test/running-limen.ts'
import { sampleDecision } from '../../../ports/decision-log.contract.ts'
import { digestOf } from '../material.ts'

const ROLES = ['nobody', 'viewer', 'analyst', 'operator', 'custodian'] as const
type Role = (typeof ROLES)[number]

/** Tokens are the roles' names here. */
const TOKENS = ROLES.slice(1)
  .map((role) => `{ name: the-${role}, role: ${role}, sha256: ${digestOf(role).toString('hex')} }`)
  .join(', ')
const config = (more = ''): string =>
  SHORT_CONFIG.replace('admin: { ', `admin: { tokens: [${TOKENS}], ${more}`)

let limen: RunningLimen
before(async () => {
  limen = await runLimen(config())
})
after(() => limen.end())

interface Ask {
  readonly as?: Role
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}
const ask = (path: string, { as = 'nobody', method = 'GET', body, headers }: Ask = {}) =>
  fetch(new URL(path, limen.running.adminUrl), {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: {
      ...(as === 'nobody' ? {} : { authorization: `Bearer ${as}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  })
const problemOf = async (response: Response) => {
  assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  return (await response.json()) as { type: string; status: number; detail: string }
}
const isProblem = async (response: Response, status: number, code: string) => {
  const problem = await problemOf(response)
  assert.deepEqual(
    [response.status, problem.status, problem.type],
    [status, status, `urn:limen:err:${code}`],
  )
}

describe('who may what', () => {
  const matrix: readonly (readonly [method: string, path: string, allowed: readonly Role[]])[] = [
    ['GET', '/livez', ROLES],
    ['GET', '/readyz', ROLES],
    ['GET', '/openapi.json', ROLES],
    ['GET', '/v1/me', ROLES],
    ['GET', '/v1/status', ['viewer', 'analyst', 'operator', 'custodian']],
    ['GET', '/v1/workers', ['viewer', 'analyst', 'operator', 'custodian']],
    ['GET', '/v1/traffic', ['viewer', 'analyst', 'operator', 'custodian']],
    ['GET', '/v1/traffic/history', ['viewer', 'analyst', 'operator', 'custodian']],
    ['GET', '/v1/upstreams', ['viewer', 'analyst', 'operator', 'custodian']],
    ['GET', '/v1/connections', ['analyst', 'operator']],
    ['GET', '/v1/decisions', ['analyst', 'operator']],
    ['GET', '/v1/profiles', ['analyst', 'operator']],
    ['GET', '/v1/signatures', ['analyst', 'operator']],
    ['GET', '/v1/handshake-pools', ['viewer', 'analyst', 'operator', 'custodian']],
    ['PATCH', '/v1/upstreams/site/a', ['operator']],
    ['POST', '/v1/reload', ['operator']],
    ['GET', '/v1/audit', ['operator', 'custodian']],
  ]
  const person = '0'.repeat(32)
  for (const path of [
    ...['/v1/captures', '/v1/captures/01JD00000000000000000000ZZ'],
    ...['/v1/behavior/people', `/v1/behavior/people/${person}`],
  ]) {
    it(`GET ${path}: analyst, operator; off here`, async () => {
      for (const as of ['analyst', 'operator'] as const) {
        await isProblem(await ask(path, { as }), 404, 'not-found')
      }
      for (const as of ['viewer', 'custodian'] as const) {
        await isProblem(await ask(path, { as }), 403, 'forbidden')
      }
      await isProblem(await ask(path), 401, 'unauthenticated')
    })
  }
  for (const [method, path, allowed] of matrix) {
    it(`${method} ${path}: ${allowed.length === ROLES.length ? 'anybody' : allowed.join(', ')}`, async () => {
      for (const role of ROLES) {
        const body = method === 'PATCH' ? { weight: 1 } : undefined
        const response = await ask(path, { as: role, method, body })
        if (allowed.includes(role)) assert.equal(response.status, 200, role)
        else if (role === 'nobody') await isProblem(response, 401, 'unauthenticated')
        else await isProblem(response, 403, 'forbidden')
      }
    })
  }

  it('a wrong token is nobody, and says how to log in', async () => {
    const response = await ask('/v1/status', { headers: { authorization: 'Bearer wrong' } })
    assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
    await isProblem(response, 401, 'unauthenticated')
  })
})

describe('sessions', () => {
  const login = async (token: string) => {
    const response = await ask('/v1/login', { method: 'POST', body: { token } })
    const [cookie = '', path = ''] = response.headers.get('set-cookie')?.split('; ') ?? []
    return { response, cookie, path: path.replace('Path=', '') }
  }
  const origin = (): string => new URL(limen.running.adminUrl).origin

  it('a login lets the cookie read, and change from our own page', async () => {
    const { response, cookie, path } = await login('operator')
    assert.match(response.headers.get('set-cookie') ?? '', /; HttpOnly; SameSite=Strict; /)
    assert.deepEqual(await response.json(), { name: 'the-operator', role: 'operator', path })
    assert.equal((await ask(`${path}/v1/decisions`, { headers: { cookie } })).status, 200)
    const change = { method: 'PATCH', body: { weight: 2 } }
    const server = `${path}/v1/upstreams/site/a`
    await isProblem(await ask(server, { ...change, headers: { cookie } }), 403, 'forbidden')
    const own = await ask(server, { ...change, headers: { cookie, origin: origin() } })
    assert.equal(own.status, 200)
  })

  it('the cookie is for a path nobody else knows, and opens nothing elsewhere', async () => {
    const [mine, other] = [await login('operator'), await login('operator')]
    assert.match(mine.path, /^\/s\/[\w-]{22}$/)
    assert.notEqual(mine.path, other.path)
    const { cookie } = mine
    for (const path of ['', other.path, `/s/${'A'.repeat(22)}`]) {
      assert.equal((await ask(`${path}/v1/status`, { headers: { cookie } })).status, 401, path)
    }
    assert.equal((await ask(`${mine.path}/v1/status`)).status, 401, 'the path without the cookie')
  })

  it('a logout ends it', async () => {
    const { cookie, path } = await login('viewer')
    const headers = { cookie }
    assert.equal((await ask(`${path}/v1/status`, { headers })).status, 200)
    const out = await ask(`${path}/v1/logout`, { method: 'POST', headers })
    assert.equal(out.status, 204)
    const cleared = new RegExp(`^limen_session=; Path=${path}; .*Max-Age=0`)
    assert.match(out.headers.get('set-cookie') ?? '', cleared)
    assert.equal((await ask(`${path}/v1/status`, { headers })).status, 401)
  })

  it('a wrong token does not log in', async () => {
    const { response, cookie } = await login('wrong')
    assert.equal(cookie, '')
    await isProblem(response, 401, 'unauthenticated')
  })
})

describe('guards', () => {
  it('a name rebound to this machine is refused', async () => {
    // fetch() would not send another Host, so by hand.
    const { get } = await import('node:http')
    const status = await new Promise((resolve) => {
      const url = new URL('/livez', limen.running.adminUrl)
      get(url, { headers: { host: 'evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
    })
    assert.equal(status, 421)
  })

  it('another origin is refused, with a token too', async () => {
    const headers = { origin: 'http://evil.example' }
    await isProblem(await ask('/v1/status', { as: 'viewer', headers }), 403, 'foreign-origin')
  })

  it('a foreign page may link here and nothing else, not even without reading', async () => {
    const come = (site: string, destination: string, method = 'GET') => {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-dest': destination }
      return ask('/livez', { method, headers })
    }
    for (const site of ['cross-site', 'same-site']) {
      await isProblem(await come(site, 'image'), 403, 'foreign-origin')
      await isProblem(await come(site, 'iframe'), 403, 'foreign-origin')
      await isProblem(await come(site, 'document', 'POST'), 403, 'foreign-origin')
      assert.equal((await come(site, 'document')).status, 200)
    }
    for (const site of ['same-origin', 'none'])
      assert.equal((await come(site, 'empty')).status, 200)
  })

  it('pages may run nothing but our own files', async () => {
    const policy = (await ask('/livez')).headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'self'/)
    assert.doesNotMatch(policy, /unsafe|upgrade-insecure/)
  })

  /** As it stands, without what fetch would make of it. */
  const converse = async (octets: string): Promise<string> => {
    const { hostname, port } = new URL(limen.running.adminUrl)
    const socket = connect(Number(port), hostname)
    socket.end(octets)
    let said = ''
    for await (const chunk of socket) said += chunk
    return said
  }

  it('a path that cannot be decoded is a problem like others, behind the same guards', async () => {
    const response = await ask('/v1/decisions/%ff?a=b')
    const { headers } = response
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'self'/)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.ok(headers.has('x-ratelimit-limit'))
    const problem = (await response.clone().json()) as { instance: string }
    assert.equal(problem.instance, 'GET /v1/decisions/%ff')
    await isProblem(response, 400, 'bad-request')
    await isProblem(
      await ask('/v1/decisions/%zz', { method: 'POST', body: {} }),
      400,
      'bad-request',
    )
    const [bad, good] = await Promise.all(
      ['%ff', 'nowhere'].map((path) =>
        converse(`GET /${path} HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n`),
      ),
    )
    assert.match(bad ?? '', /^HTTP\/1\.1 421 /)
    assert.match(good ?? '', /^HTTP\/1\.1 421 /)
    assert.doesNotMatch(bad ?? '', /decod|percent/)
  })

  it('what is no HTTP is a problem, with no more said', async () => {
    for (const [octets, status] of [
      ['rubbish\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const said = await converse(octets)
      assert.match(said, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.match(said, /\r\ncontent-type: application\/problem\+json; charset=utf-8\r\n/i)
      assert.match(said, /\r\ncontent-security-policy: default-src 'none'/i)
      const body = JSON.parse(said.slice(said.indexOf('\r\n\r\n'))) as Record<string, unknown>
      assert.deepEqual(Object.keys(body), ['type', 'title', 'status', 'detail'])
      assert.deepEqual([body['type'], body['status']], ['urn:limen:err:bad-request', status])
    }
  })

  it('every error is a problem', async () => {
    const as = 'operator'
    await isProblem(await ask('/nowhere'), 404, 'not-found')
    await isProblem(await ask('/v1/decisions?limit=0', { as }), 400, 'bad-request')
    await isProblem(await ask('/v1/decisions?colour=red', { as }), 400, 'bad-request')
    await isProblem(await ask('/v1/decisions/none', { as }), 400, 'bad-request')
    await isProblem(await ask(`/v1/decisions/${'x'.repeat(4000)}`, { as }), 400, 'bad-request')
    const unknown = `/v1/decisions/${sampleDecision(99).id}`
    await isProblem(await ask(unknown, { as }), 404, 'not-found')
    const patch = (path: string, body: unknown) => ask(path, { as, method: 'PATCH', body })
    await isProblem(await patch('/v1/upstreams/site/z', { weight: 1 }), 404, 'not-found')
    await isProblem(await patch('/v1/upstreams/site/a', { weight: 257 }), 400, 'bad-request')
    await isProblem(await patch('/v1/upstreams/site/a', {}), 400, 'bad-request')
    await isProblem(await patch('/v1/upstreams/site/a', 'x'.repeat(20_000)), 413, 'too-large')
    const xml = { as, method: 'POST', body: '', headers: { 'content-type': 'text/xml' } } as const
    await isProblem(await ask('/v1/login', xml), 415, 'unsupported-type')
  })
})

describe('what it answers', () => {
  it('decisions, the newest first, and one explained', async () => {
    limen.plane.decide([1, 2, 3].map(sampleDecision))
    const read = async (query: string) =>
      (await (await ask(`/v1/decisions${query}`, { as: 'analyst' })).json()) as unknown[]
    assert.deepEqual(await read('?limit=2'), [3, 2].map(sampleDecision))
    assert.deepEqual(await read(`?before=${sampleDecision(2).id}`), [sampleDecision(1)])
    const path = `/v1/decisions/${sampleDecision(2).id}`
    const explained = (await (await ask(path, { as: 'analyst' })).json()) as {
      explanation: string[]
    }
    assert.ok(explained.explanation.length > 0)
  })

  it('a change, which is written into the audit log first', async () => {
    const body = { draining: true }
    const as = 'operator'
    const response = await ask('/v1/upstreams/site/b', { as, method: 'PATCH', body })
    assert.equal(((await response.json()) as { state: string }).state, 'draining')
    const audit = (await (await ask('/v1/audit?limit=1', { as })).json()) as {
      entries: { who: string; action: string; subject: string; detail: unknown }[]
      intact: boolean
    }
    const [{ who, action, subject, detail } = { who: '' }] = audit.entries
    assert.deepEqual(
      { who, action, subject, detail, intact: audit.intact },
      {
        who: 'the-operator',
        action: 'upstream.change',
        subject: 'site/b',
        detail: body,
        intact: true,
      },
    )
  })

  it('a purge of caches, which is written into the audit log first', async () => {
    const purge = (as: 'operator' | 'analyst', body: unknown) =>
      ask('/v1/cache/purge', { as, method: 'POST', body })
    const body = { host: 'a.example', path: '/news' }
    assert.equal((await purge('operator', body)).status, 204)
    assert.deepEqual(limen.plane.purges, [body])
    const audit = (await (await ask('/v1/audit?limit=1', { as: 'operator' })).json()) as {
      entries: { action: string; detail: unknown }[]
    }
    assert.deepEqual([audit.entries[0]?.action, audit.entries[0]?.detail], ['cache.purge', body])
    await isProblem(await purge('analyst', body), 403, 'forbidden')
    for (const bad of [{ host: 'A.example' }, { host: 'a:443' }, { path: 'news' }, { all: true }]) {
      assert.equal((await purge('operator', bad)).status, 400, JSON.stringify(bad))
    }
    assert.equal(limen.plane.purges.length, 1)
  })

  it('a reload that is refused, with its lines', async () => {
    limen.configure(config().replace('pool: site', 'pool: sit'))
    const response = await ask('/v1/reload', { as: 'operator', method: 'POST' })
    assert.equal(response.status, 422)
    const { detail } = await problemOf(response)
    assert.match(detail, /limen\.yaml:5:12: routes\[0\]\.pool/)
    limen.configure(config())
  })

  it('OpenAPI 3.1 with every route', async () => {
    const api = (await (await ask('/openapi.json')).json()) as {
      openapi: string
      paths: Record<string, unknown>
    }
    assert.equal(api.openapi, '3.1.0')
    assert.ok(Object.keys(api.paths).length >= 14)
    // Each error by its status: what makes clients of it does not read ranges.
    assert.ok(!/"[45]XX"/i.test(JSON.stringify(api)))
    const { get } = api.paths['/v1/status'] as { get: { responses: Record<string, unknown> } }
    assert.deepEqual(get.responses['403'], { $ref: '#/components/responses/Problem' })
    const { responses } = (api as unknown as { components: { responses: object } }).components
    assert.ok(JSON.stringify(responses).includes('urn:limen:err'))
    assert.ok(JSON.stringify(api.paths['/v1/upstreams/{pool}/{id}']).includes('"weight"'))
  })

  it('a page at /', async () => {
    const response = await ask('/')
    assert.equal(response.status, 200)
    assert.match(await response.text(), /Limen/)
  })
})

describe('streams', () => {
  const events = async (path: string, count: number): Promise<unknown[]> => {
    const response = await ask(path, { as: 'analyst' })
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.ok(response.headers.get('content-security-policy'))
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const data = () =>
      [...text.matchAll(/^data: (.*)\n\n/gm)].map(([, json = '']) => JSON.parse(json))
    while (data().length < count) {
      if (text.includes('retry:')) limen.plane.decide([sampleDecision(50)])
      text += (await reader?.read())?.value ?? ''
    }
    await reader?.cancel()
    return data()
  }

  it('decisions as they are made', async () => {
    const [first] = await events('/v1/decisions/stream', 1)
    assert.deepEqual(first, sampleDecision(50))
  })

  it('a sample of traffic every second', async (t) => {
    let answered = 0
    const busy = setInterval(() => {
      answered += 10
      limen.plane.setTraffic({ ...noTraffic(), responses: [0, 0, answered, 0, 0, 0] })
    }, 50)
    t.after(() => clearInterval(busy))
    // The first may be of a second that ended before anything was answered.
    const samples = (await events('/v1/traffic/stream', 2)) as { responses: number[] }[]
    assert.ok((samples[1]?.responses[2] ?? 0) > 0)
    const history = await ask('/v1/traffic/history', { as: 'viewer' })
    assert.ok(((await history.json()) as unknown[]).length >= 1)
  })

  it('needs the right', async () => {
    await isProblem(await ask('/v1/decisions/stream', { as: 'viewer' }), 403, 'forbidden')
  })

  it('64 of them, no more; and a stop ends them all', async () => {
    const crowd = await runLimen(config('openToLoopback: viewer, '))
    const open = () => fetch(new URL('/v1/traffic/stream', crowd.running.adminUrl))
    const streams = await Promise.all(Array.from({ length: 64 }, open))
    await isProblem(await open(), 503, 'too-many-streams')
    const ended = Promise.all(streams.map((stream) => stream.text()))
    await crowd.end()
    assert.equal((await ended).length, 64)
  })
})

describe('openToLoopback', () => {
  it('gives callers on this machine a role to read, never to change, and not through a proxy', async () => {
    const open = await runLimen(config('openToLoopback: analyst, '))
    try {
      const call = (path: string, init: RequestInit = {}) =>
        fetch(new URL(path, open.running.adminUrl), init)
      assert.equal((await call('/v1/decisions')).status, 200)
      assert.deepEqual(await (await call('/v1/me')).json(), { name: 'loopback', role: 'analyst' })
      assert.equal((await call('/v1/reload', { method: 'POST' })).status, 401)
      const headers = { 'x-forwarded-for': '203.0.113.7' }
      assert.equal((await call('/v1/decisions', { headers })).status, 401)
    } finally {
      await open.end()
    }
  })
})

describe('rate limit', () => {
  it('counts failed logins, and 404s', async () => {
    const busy = await runLimen(config())
    try {
      const call = (path: string, init: RequestInit = {}) =>
        fetch(new URL(path, busy.running.adminUrl), init)
      const status = async (token: string): Promise<number> =>
        (await call('/v1/status', { headers: { authorization: `Bearer ${token}` } })).status
      const tries: number[] = []
      for (let i = 0; i < 35; i++) tries.push(await status('wrong'))
      assert.deepEqual([tries[0], tries.at(-1)], [401, 429])
      assert.equal(await status('viewer'), 200)
      const strays: number[] = []
      for (let i = 0; i < 620; i++) {
        const response = await call('/nowhere')
        await response.text()
        strays.push(response.status)
      }
      assert.deepEqual([strays[0], strays.at(-1)], [404, 429])
      assert.equal(await status('viewer'), 200)
    } finally {
      await busy.end()
    }
  })
})
