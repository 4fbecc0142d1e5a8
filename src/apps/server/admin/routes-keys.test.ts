import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type RunningLimen, runLimen, SHORT_CONFIG } from '../../../../test/running-limen.ts'
import type { KeysView } from '../key-server/key-views.ts'
import { digestOf } from '../material.ts'

const ROLES = ['viewer', 'analyst', 'operator', 'custodian'] as const
type Role = (typeof ROLES)[number]
const ID = `${'A'.repeat(21)}Q`
/** Tokens are the roles' names here. */
const TOKENS = ROLES.map(
  (role) => `{ name: the-${role}, role: ${role}, sha256: ${digestOf(role).toString('hex')} }`,
).join(', ')
const CONFIG = SHORT_CONFIG.replace('admin: { ', `admin: { tokens: [${TOKENS}], `)

let limen: RunningLimen
before(async () => {
  limen = await runLimen(`${CONFIG}sessions: { enabled: true }\n`)
})
after(() => limen.end())

const ask = (method: string, path: string, as: Role = 'operator', body?: unknown) =>
  fetch(new URL(path, limen.running.adminUrl), {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: {
      authorization: `Bearer ${as}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
  })
const codeOf = async (response: Response): Promise<string> => {
  const { type } = (await response.json()) as { type: string }
  return `${response.status} ${type.replace('urn:limen:err:', '')}`
}

describe('session keys over the admin API', () => {
  const matrix: readonly (readonly [
    method: string,
    path: string,
    status: number,
    allowed: readonly Role[],
    body?: unknown,
  ])[] = [
    ['GET', '/v1/keys', 200, ROLES],
    ['GET', '/v1/session-figures', 200, ROLES],
    ['GET', '/v1/edges', 200, ROLES],
    // No edges elsewhere: nothing is placed, nobody drains.
    ['GET', '/v1/keys/placements', 404, ROLES],
    ['PATCH', '/v1/edges/edge-1', 404, ['operator'], { draining: true }],
    ['GET', '/v1/sessions', 200, ['analyst', 'operator']],
    ['GET', `/v1/sessions/${ID}`, 404, ['analyst', 'operator']],
    ['GET', '/v1/feed', 200, ['operator']],
    ['POST', '/v1/keys/rotate', 200, ['operator'], {}],
    ['POST', '/v1/keys/revoke', 200, ['operator'], { group: 1 }],
    ['DELETE', `/v1/sessions/${ID}`, 204, ['operator']],
    ['DELETE', `/v1/subjects/${ID}/sessions`, 200, ['operator']],
  ]
  for (const [method, path, status, allowed, body] of matrix) {
    it(`${method} ${path.replace(ID, ':id')}: ${allowed.join(', ')}`, async () => {
      for (const role of ROLES) {
        const response = await ask(method, path, role, body)
        assert.equal(response.status, allowed.includes(role) ? status : 403, role)
      }
    })
  }

  it('are in the audit log before they change', async () => {
    await ask('POST', '/v1/keys/rotate', 'operator', { what: 'identity', why: 'drill' })
    await ask('DELETE', `/v1/sessions/${ID}`)
    const { entries } = (await (await ask('GET', '/v1/audit?limit=2')).json()) as {
      entries: readonly { who: string; action: string; subject: string; detail: unknown }[]
    }
    assert.deepEqual(
      entries.map(({ who, action, subject, detail }) => [who, action, subject, detail]),
      [
        ['the-operator', 'session.revoke', ID, {}],
        ['the-operator', 'keys.rotate', 'identity', { what: 'identity', why: 'drill' }],
      ],
    )
  })

  it('refuse what is no group or no id, and audit nothing', async () => {
    const before = await (await ask('GET', '/v1/audit')).text()
    assert.equal(
      await codeOf(await ask('POST', '/v1/keys/revoke', 'operator', { group: 9 })),
      '404 not-found',
    )
    assert.equal(
      await codeOf(await ask('POST', '/v1/keys/rotate', 'operator', { group: 9 })),
      '404 not-found',
    )
    assert.equal(await codeOf(await ask('DELETE', '/v1/sessions/x')), '400 bad-request')
    assert.equal(await (await ask('GET', '/v1/audit')).text(), before)
  })

  it('give the feed as NDJSON, from a number on', async () => {
    const response = await ask('GET', '/v1/feed')
    assert.match(response.headers.get('content-type') ?? '', /^application\/x-ndjson(?:;|$)/)
    const lines = (await response.text()).trim().split('\n')
    const { seq } = JSON.parse(lines[0] ?? '') as { seq: number }
    const later = await (await ask('GET', `/v1/feed?since=${seq}`)).text()
    assert.deepEqual(later.trim().split('\n'), lines.slice(1))
  })

  it('count what checks came to, and what was opened', async () => {
    limen.plane.setTraffic({
      sessionChecks: { valid: 7, replay: 1 },
      sessionHandoffs: { 'drain/moved': 2 },
    })
    type Figures = { opened: { revocations: { session: number } } }
    const figures = async () => (await (await ask('GET', '/v1/session-figures')).json()) as Figures
    const { opened, ...rest } = await figures()
    assert.deepEqual(rest, {
      ...{ keyServer: 'here', checks: { valid: 7, replay: 1 } },
      handoffs: { 'drain/moved': 2 },
    })
    const { revocations, ...others } = opened
    assert.deepEqual(others, {
      ...{ sessions: 0, handshakes: [] },
      rotations: { opened: 0, time: 0, security: 0, client: 0 },
    })
    await ask('DELETE', `/v1/sessions/${ID}`)
    assert.equal((await figures()).opened.revocations.session, revocations.session + 1)
  })

  it('show which worker holds which key', async () => {
    const { groups } = (await (await ask('GET', '/v1/keys')).json()) as KeysView
    for (const { epochs } of groups) {
      for (const { state, holders, heldBy, workers } of epochs) {
        assert.deepEqual(holders, [{ name: '1/4711', kind: 'worker', holds: heldBy === 1 }], state)
        assert.equal(workers, 1)
      }
    }
  })

  it('show the keys, and a pool and a route of their own', async () => {
    const { identity, keys, groups } = (await (await ask('GET', '/v1/keys')).json()) as KeysView
    assert.equal(Buffer.from(identity, 'base64').length, 32)
    assert.ok(keys.length >= 3)
    assert.equal(
      groups[0]?.epochs.some(({ state }) => state === 'active'),
      true,
    )
    const settings = limen.plane.applied.at(-1)
    assert.deepEqual(settings?.routes[0], {
      ...{ host: '', path: '/.well-known/limen', pool: 'limen-keys', sessionKey: 'off' },
    })
    const pool = settings?.pools.find(({ name }) => name === 'limen-keys')
    assert.match(pool?.fields ?? '', /^limen-edge: [\w-]{43}\r\n$/)
  })
})

describe('session keys that are off', () => {
  it('are 404, and make no route', async () => {
    const off = await runLimen(CONFIG)
    try {
      const response = await fetch(new URL('/v1/keys', off.running.adminUrl), {
        headers: { authorization: 'Bearer operator' },
      })
      assert.equal(await codeOf(response), '404 not-found')
      const figures = await fetch(new URL('/v1/session-figures', off.running.adminUrl), {
        headers: { authorization: 'Bearer viewer' },
      })
      assert.deepEqual(await figures.json(), { keyServer: 'none', checks: {}, handoffs: {} })
      assert.equal(off.plane.applied[0]?.routes.length, 1)
      assert.equal(off.plane.keysGiven.length, 0)
    } finally {
      await off.end()
    }
  })
})
