/**
 * A whole Limen that knows people by how they type, with three servers, one per tier: the owner of an account stays with
 * the first, whoever else uses it goes to the second and the third. Plus what is told by hands that lie, and what is left of a person
 * who is erased.
 *
 * The people are acted (`acted-person.ts`): what they prove is that the pieces fit, not how well people are told apart.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { BehaviorBatch } from '../../src/wire/behavior-batch.ts'
import { type Actor, actPerson } from '../acted-person.ts'
import { freePorts } from '../free-ports.ts'
import { Visitor } from './behavior-visitor.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

/** Keys after which whoever is not the owner has been moved: what docs/behavior.md states. */
const TIER2_WITHIN_KEYS = 400
const TIER3_WITHIN_KEYS = 800
/** Workers tell users every 200 ms, and a loaded machine takes its time. */
const TOLD_WITHIN_MS = 20_000
const MAX_BYTES = 16_384

const TIERS = ['open', 'strict', 'sandbox'] as const
const origins: Server[] = []
let limen: LimenUnderTest
let port = 0
/** Outlives a Limen. */
let data = ''

before(async () => {
  for (const name of TIERS) origins.push(await startSite(name))
  ;[port = 0] = await freePorts(1)
  data = mkdtempSync(join(tmpdir(), 'limen-behavior-'))
  limen = await startLimen(config())
})

/** Of the one Limen after the other. */
function config() {
  const pools = TIERS.map((name, i) => ({
    name,
    servers: [
      { id: 'a', address: `127.0.0.1:${(origins[i]?.address() as AddressInfo | undefined)?.port}` },
    ],
  }))
  return {
    data,
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
    pools,
    routes: [{ pool: 'open', pools: { tier2: 'strict', tier3: 'sandbox' } }],
    behavior: { mode: 'enforce', everyMs: 2000 },
  }
}

after(async () => {
  await limen?.clean()
  for (const origin of origins) origin.close().closeAllConnections()
  rmSync(data, { recursive: true, force: true })
})

/** Says which server it is, and what it was told; logs in whoever asks. */
async function startSite(name: string): Promise<Server> {
  const server = createServer(({ url = '', headers }, response) => {
    const { searchParams } = new URL(url, 'http://site.invalid')
    const user = searchParams.get('user')
    if (user !== null) response.setHeader('Limen-User', user)
    const told = Object.fromEntries(Object.entries(headers).filter(([key]) => /^limen/.test(key)))
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ name, told }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function logIn(user: string, how = ''): Promise<Visitor> {
  const visitor = new Visitor(port)
  await visitor.consent()
  const answered = await visitor.ask('GET', `/login?user=${user}${how}`)
  assert.equal(answered.status, 200)
  assert.equal(answered.fields['limen-user'], undefined)
  // Workers tell it soon, not at once; what is typed before waits, but not without end.
  await until(user, TOLD_WITHIN_MS, async () => (await visitor.me()).known)
  return visitor
}

/** A session over several days, by a second factor, until the profile is complete. */
async function enrol(user: string, actor: Actor, days = 20): Promise<void> {
  const visitor = await logIn(user, '%3Bconfirmed')
  for (let day = 0; day < days; day++) {
    actor.sleep()
    await visitor.tell(actor.password())
    for (const batch of actor.type(160)) await visitor.tell(batch)
    assert.equal(await visitor.server(), 'open')
  }
  visitor.close()
}

/** Keys until the visitor is served by `server`; undefined when that does not come about. */
async function typeUntil(
  visitor: Visitor,
  actor: Actor,
  server: string,
  keysMax: number,
): Promise<number | undefined> {
  let keys = 0
  for (const batch of actor.type(keysMax)) {
    await visitor.tell(batch)
    keys += batch.records.length
    if ((await visitor.server()) === server) return keys
    // What was told is judged soon, not at once.
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  await until(server, TOLD_WITHIN_MS, async () => (await visitor.server()) === server)
  return keys
}

const token = (): string => readFileSync(join(data, 'admin-token'), 'utf8').trim()
const admin = (method: string, path: string, body?: unknown, fields = {}): Promise<Response> =>
  fetch(`${limen.adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...fields,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

describe('a person', () => {
  const owner = actPerson(5)

  it('is known after some days, and served as before', async () => {
    await enrol('alice', owner)
    const visitor = await logIn('alice')
    owner.sleep()
    await visitor.tell(owner.password())
    for (const batch of owner.type(600)) {
      await visitor.tell(batch)
      assert.equal(await visitor.server(), 'open')
    }
    const { tier, confidence } = await visitor.me()
    assert.equal(tier, 1)
    assert.ok(confidence > 0.5, `${confidence}`)
    visitor.close()
  })

  it('is not somebody else, who goes to the second tier and the third', async () => {
    const thief = actPerson(104)
    const visitor = await logIn('alice')
    assert.equal(await visitor.server(), 'open')
    const strict = await typeUntil(visitor, thief, 'strict', TIER2_WITHIN_KEYS)
    const sandbox = await typeUntil(visitor, thief, 'sandbox', TIER3_WITHIN_KEYS - (strict ?? 0))
    console.log(`tier 2 after ${strict} keys, tier 3 after ${(strict ?? 0) + (sandbox ?? 0)}`)
    const { tier, reasons } = await visitor.me()
    assert.equal(tier, 3)
    assert.ok(reasons.includes('text-differs'), reasons.join())
    visitor.close()
    // A new session of the user begins where that one is, until a second factor vouches for it.
    const again = await logIn('alice')
    await until('the sandbox', TOLD_WITHIN_MS, async () => (await again.server()) === 'sandbox')
    await again.ask('GET', '/login?user=alice%3Bconfirmed')
    await until('the site', TOLD_WITHIN_MS, async () => (await again.server()) === 'open')
    for (const batch of owner.type(200)) await again.tell(batch)
    assert.equal(await again.server(), 'open')
    again.close()
  })
})

describe('what servers are told', () => {
  it('is Limen’s word, over HTTP/2 too, and not the client’s', async () => {
    const visitor = await logIn('bob')
    const lie = { 'limen-behavior-tier': '9', 'limen-session': 'made-up' }
    const answered = await visitor.ask('GET', '/', undefined, lie)
    const { told } = JSON.parse(answered.body) as { told: Record<string, string> }
    assert.equal(told['limen-behavior-tier'], '1')
    assert.equal(told['limen-session'], undefined)
    const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
    const stream = session.request({ ':path': '/login?user=bob', cookie: visitor.cookie, ...lie })
    const [fields] = (await once(stream, 'response')) as [Record<string, unknown>]
    assert.equal(fields[':status'], 200)
    assert.equal(fields['limen-user'], undefined)
    let text = ''
    for await (const piece of stream) text += piece
    assert.equal(
      (JSON.parse(text) as typeof told & { told: typeof told }).told['limen-behavior-tier'],
      '1',
    )
    session.close()
    visitor.close()
  })

  it('is nothing of a visitor without a session', async () => {
    const visitor = new Visitor(port)
    const { told } = JSON.parse((await visitor.ask('GET', '/?user=eve')).body)
    assert.equal(told['limen-behavior-tier'], undefined)
    assert.equal(await visitor.me().then(({ tier }) => tier), 1)
    visitor.close()
  })
})

describe('batches that lie', () => {
  const batch = (): BehaviorBatch => actPerson(9).password()
  const post = (visitor: Visitor, body: Uint8Array, more = {}) =>
    visitor.ask('POST', '/.well-known/limen/behavior', body, more).then(({ status }) => status)

  it('are refused: forged, replayed, of another session, oversized, truncated, of another type', async () => {
    const [one, two] = [await logIn('carol'), await logIn('dave')]
    const good = one.envelope(batch())
    const forged = Buffer.from(good)
    forged[30] = (forged[30] ?? 0) ^ 1
    assert.equal(await post(one, forged), 403)
    assert.equal(await post(two, good), 403)
    assert.equal(await post(one, good, { 'content-type': 'application/json' }), 415)
    assert.equal(await post(one, good, { 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await post(one, Buffer.alloc(MAX_BYTES + 1)), 413)
    assert.equal(await post(one, good), 204)
    assert.equal(await post(one, good), 403)
    await one.consent()
    assert.equal(await post(one, one.envelope(batch()).subarray(0, 60)), 400)
    const nobody = new Visitor(port)
    nobody.token = one.token
    assert.equal(await post(nobody, one.envelope(batch())), 401)
    nobody.cookie = `${one.cookie.slice(0, -2)}AA`
    assert.equal(await post(nobody, one.envelope(batch())), 401)
    for (const visitor of [one, two, nobody]) visitor.close()
  })

  it('are refused when they are old, and counted once when they come again', async () => {
    const visitor = await logIn('erin')
    visitor.sequence = 7
    assert.equal(await post(visitor, visitor.envelope(batch())), 204)
    for (const [sequence, status] of [
      [7, 204],
      [6, 204],
      [3, 400],
    ] as const) {
      await visitor.consent()
      visitor.sequence = sequence
      assert.equal(await post(visitor, visitor.envelope(batch())), status, `${sequence}`)
    }
    visitor.close()
  })

  it('are found when a script repeats what a person has typed', async () => {
    const person = actPerson(12)
    const visitor = await logIn('frank')
    const typed = person.type(600)
    for (const one of typed) await visitor.tell(one)
    // Who comes first is the person, to whoever knows neither.
    await until('a profile', TOLD_WITHIN_MS, async () => {
      const { status } = await admin('GET', '/profiles/frank')
      return status === 200
    })
    assert.equal(await visitor.server(), 'open')
    const recorded = typed.slice(0, 2)
    const script = await logIn('frank')
    for (const one of recorded) await script.tell(one)
    await until('the sandbox', TOLD_WITHIN_MS, async () => (await script.server()) === 'sandbox')
    assert.deepEqual((await script.me()).reasons, ['timings-repeated'])
    visitor.close()
    script.close()
  })
})

describe('the API', () => {
  interface PersonShown {
    readonly person: string
    readonly contexts: readonly { readonly context: string; readonly confirmed: number }[]
    readonly live: readonly { readonly tier: number }[]
    readonly kept?: object
  }

  it('tells scores, not behavior, and no name', async () => {
    const response = await admin('GET', '/profiles/alice')
    assert.equal(response.status, 200)
    const text = await response.text()
    const shown = JSON.parse(text) as PersonShown
    assert.match(shown.person, /^[0-9a-f]{32}$/)
    assert.ok(!text.includes('alice'))
    assert.equal(shown.kept, undefined)
    const free = shown.contexts.find(({ context }) => context === 'text desktop qwerty')
    assert.ok((free?.confirmed ?? 0) >= 60)
    assert.ok(shown.live.some(({ tier }) => tier === 3))
    assert.equal((await admin('GET', '/v1/people/alice')).status, 200)
    assert.equal((await admin('GET', '/profiles/nobody')).status, 404)
    const full = await admin('GET', '/profiles/alice?export=full')
    assert.ok(((await full.json()) as PersonShown).kept !== undefined)
    // Who is let in by loopback is an analyst.
    const analyst = await fetch(`${limen.adminUrl}/profiles/alice?export=full`)
    assert.equal(analyst.status, 403)
    assert.equal((await fetch(`${limen.adminUrl}/profiles/alice`)).status, 200)
    const change = { method: 'DELETE' }
    assert.equal((await fetch(`${limen.adminUrl}/profiles/alice`, change)).status, 401)
  })

  it('creates once, changes what is meant, and refuses what is old', async () => {
    const made = await admin('PUT', '/profiles/grace', { label: 'good' })
    assert.equal(made.status, 201)
    const tag = made.headers.get('etag') ?? ''
    assert.equal((await admin('POST', '/profiles/grace', {})).status, 409)
    assert.equal((await admin('PATCH', '/profiles/grace', { frozen: true })).status, 428)
    const meant = { 'if-match': tag }
    const changed = await admin('PATCH', '/profiles/grace', { frozen: true }, meant)
    assert.equal(changed.status, 200)
    assert.equal(((await changed.json()) as { frozen: boolean }).frozen, true)
    assert.equal((await admin('PATCH', '/profiles/grace', { frozen: false }, meant)).status, 412)
    assert.equal((await admin('PATCH', '/profiles/grace', {}, meant)).status, 400)
    assert.equal((await admin('GET', '/profiles/bad;name')).status, 400)
  })

  it('shows, tries and changes how people are judged', async () => {
    const before = await admin('GET', '/anomalydetection/configure')
    const { version, ...tuning } = (await before.json()) as { version: number; tier2: number }
    const path = '/anomalydetection/configure'
    const dry = await admin('PUT', `${path}?dry_run=true`, { ...tuning, tier2: 0.5 })
    const { dryRun } = (await dry.json()) as { dryRun: { now: number[]; tried: number[] } }
    const sum = (list: number[]) => list.reduce((a, b) => a + b, 0)
    assert.equal(sum(dryRun.now), sum(dryRun.tried))
    assert.ok((dryRun.tried[0] ?? 0) <= (dryRun.now[0] ?? 0))
    assert.equal((await admin('PUT', path, { ...tuning, tier2: 19 })).status, 400)
    assert.equal((await admin('PUT', path, tuning, { 'if-match': '"77"' })).status, 412)
    const changed = await admin('PUT', path, { ...tuning, falsePositiveBudget: 0.02 })
    assert.equal(((await changed.json()) as { version: number }).version, version + 1)
    const audit = (await (await admin('GET', '/v1/audit?limit=1000')).json()) as object
    assert.match(JSON.stringify(audit), /anomalydetection\.configure/)
    assert.ok(!JSON.stringify(audit).includes('grace'))
  })

  it('says how well it sees, and what it decided', async () => {
    const response = await admin('GET', '/health/anomalydetection')
    assert.equal(response.status, 200)
    const health = (await response.json()) as Record<string, unknown>
    assert.equal(health['status'], 'ok')
    assert.ok(Number(health['batches']) > 50)
    assert.ok(Number((health['refused'] as Record<string, number>)['token_spent']) >= 1)
    const list = (await (await admin('GET', '/v1/decisions?limit=1000')).json()) as {
      readonly id: string
      readonly model: string
      readonly tier: number
      readonly person?: string
    }[]
    const moved = list.filter(({ model }) => model === 'person/1')
    assert.ok(moved.some(({ tier }) => tier === 2) && moved.some(({ tier }) => tier === 3))
    assert.match(moved[0]?.person ?? '', /^[0-9a-f]{32}$/)
  })
})

describe('a restart', () => {
  it('finds who was known before, and what has been changed since', async () => {
    const before = (await (await admin('GET', '/profiles/alice')).json()) as {
      readonly person: string
      readonly contexts: readonly { readonly context: string; readonly confirmed: number }[]
    }
    limen.signal('SIGTERM')
    assert.equal(await limen.ended, 0)
    await limen.clean()
    limen = await startLimen(config())
    const again = (await (await admin('GET', '/profiles/alice')).json()) as typeof before
    assert.equal(again.person, before.person)
    for (const { context, confirmed } of before.contexts) {
      // At its end a session is learned to its end.
      const kept = again.contexts.find((one) => one.context === context)?.confirmed ?? 0
      assert.ok(kept >= confirmed, `${context}: ${kept}, not ${confirmed}`)
    }
    const tuning = await (await admin('GET', '/anomalydetection/configure')).json()
    assert.equal((tuning as { falsePositiveBudget: number }).falsePositiveBudget, 0.02)
    // The thief of before is remembered: a new session of the user begins where that one was.
    const visitor = await logIn('alice')
    const isServed = (server: string) => async () => (await visitor.server()) === server
    await until('the sandbox', TOLD_WITHIN_MS, isServed('sandbox'))
    await visitor.ask('GET', '/login?user=alice%3Bconfirmed')
    await until('the site', TOLD_WITHIN_MS, isServed('open'))
    visitor.close()
  })
})

describe('a person who is erased', () => {
  it('is nobody: not kept, not loaded from a copy, ordinary as everybody', async () => {
    const person = actPerson(33)
    const visitor = await logIn('heidi')
    for (const one of person.type(600)) await visitor.tell(one)
    await until('a profile', TOLD_WITHIN_MS, async () => {
      const { status } = await admin('GET', '/profiles/heidi')
      return status === 200
    })
    assert.equal((await admin('DELETE', '/profiles/heidi')).status, 204)
    assert.equal((await admin('DELETE', '/profiles/heidi')).status, 404)
    assert.equal((await admin('GET', '/profiles/heidi')).status, 404)
    assert.equal(await visitor.server(), 'open')
    visitor.close()
  })
})
