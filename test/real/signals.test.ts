/**
 * Shared security signals with a real Limen: what a transmitter pushes or has ready ends sessions and moves tiers, once;
 * what happens here is told to a receiver, also to one that was away while Limen was started again.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { SignJWT } from 'jose'
import { type SessionClient, sessionFetch } from '../../src/apps/client/session-fetch.ts'
import { freePorts } from '../free-ports.ts'
import {
  CAEP,
  RISC,
  type SignalReceiver,
  type SignalTransmitter,
  startReceiver,
  startTransmitter,
} from '../signal-parties.ts'
import { Visitor } from './behavior-visitor.ts'
import { askAdmin, type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const WITHIN_MS = 30_000
/** Tickets count as 5 s older than they are (`flows/open-session.ts`): who logs in sooner after a revocation is out again. */
const BACKDATED_MS = 7000
const AUDIENCE = 'https://edge.example.org'
const PUSH_TOKEN = 'push-token-of-the-transmitter'
const POLL_TOKEN = 'poll-token-shown-to-the-transmitter'
const TOLD_TOKEN = 'token-shown-to-the-receiver'
const HEARS = 'https://hears.test'

interface SessionShown {
  readonly id: string
  readonly subject?: string
  readonly revoked: boolean
}

const login = generateKeyPairSync('ed25519')
const folder = mkdtempSync(join(tmpdir(), 'limen-signals-'))
const data = join(folder, 'data')
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
let site: Server
let transmitter: SignalTransmitter
let receiver: SignalReceiver
let limen: LimenUnderTest
let port = 0
let signalsUrl = ''
let start: () => Promise<LimenUnderTest>

before(async () => {
  site = createServer(({ url = '' }, response) => {
    const user = new URL(url, 'http://site.invalid').searchParams.get('user')
    if (user !== null) response.setHeader('Limen-User', user)
    response.end('{}')
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  const [web = 0, signals = 0] = await freePorts(2)
  port = web
  signalsUrl = `http://127.0.0.1:${signals}`
  transmitter = await startTransmitter(AUDIENCE, POLL_TOKEN)
  receiver = await startReceiver(HEARS, `${signalsUrl}/v1/signals/keys`)
  const jwk = { ...login.publicKey.export({ format: 'jwk' }), kid: 'l' }
  start = () =>
    startLimen({
      data,
      listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
      certificates: [{ localCa: ['localhost'] }],
      pools: [
        {
          name: 'site',
          servers: [{ id: 'a', address: `127.0.0.1:${(site.address() as AddressInfo).port}` }],
        },
      ],
      routes: [{ pool: 'site', sessionKey: 'optional' }],
      sessions: {
        enabled: true,
        login: { jwks: file('login.json', JSON.stringify({ keys: [jwk] })) },
      },
      behavior: { mode: 'shadow' },
      signals: {
        issuer: AUDIENCE,
        address: `127.0.0.1:${signals}`,
        transmitters: [
          {
            issuer: transmitter.issuer,
            jwksUrl: transmitter.jwksUrl,
            tokenFile: file('push.token', PUSH_TOKEN),
            poll: {
              url: transmitter.pollUrl,
              tokenFile: file('poll.token', POLL_TOKEN),
              everyS: 1,
            },
          },
        ],
        receivers: [
          { url: receiver.url, audience: HEARS, tokenFile: file('told.token', TOLD_TOKEN) },
        ],
      },
    })
  limen = await start()
})
after(async () => {
  await limen?.clean()
  await transmitter?.close()
  await receiver?.stop()
  site?.close().closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
})

const sub = (id: string) => ({ format: 'opaque', id })
const event = (name: string, payload: object = {}) => ({ events: { [`${CAEP}${name}`]: payload } })
const push = async (text: string, token = PUSH_TOKEN, type = 'application/secevent+jwt') => {
  const response = await fetch(`${signalsUrl}/v1/signals/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    body: text,
  })
  const body = await response.text()
  const { err } = body === '' ? { err: '' } : (JSON.parse(body) as { err: string })
  return `${response.status} ${err}`.trim()
}
const admin = async <T>(path: string): Promise<T> =>
  (await (await askAdmin(limen, data, 'GET', path)).json()) as T
const received = async () =>
  (await admin<{ received: Record<string, number> }>('/v1/signals')).received

/** Opens a session as somebody, who is then known by their behavior too. */
async function openAs(user: string): Promise<{ shop: SessionClient; id: string }> {
  const before = new Set((await admin<SessionShown[]>('/v1/sessions')).map(({ id }) => id))
  const shop = sessionFetch({
    origin: `https://localhost:${port}`,
    ca: readFileSync(join(data, 'local-ca/ca.pem'), 'utf8'),
    login: () =>
      new SignJWT({ aud: `https://localhost:${port}`, sub: user })
        .setProtectedHeader({ alg: 'EdDSA', kid: 'l' })
        .setExpirationTime('1m')
        .sign(login.privateKey),
  })
  assert.equal((await shop('/')).status, 200)
  const opened = (await admin<SessionShown[]>('/v1/sessions')).filter(({ id }) => !before.has(id))
  const [{ id = assert.fail() } = {}] = opened
  return { shop, id }
}

/** A visitor by cookie whom the site knows. */
async function visitAs(user: string): Promise<Visitor> {
  const visitor = new Visitor(port)
  await visitor.consent()
  await visitor.ask('GET', `/login?user=${user}`)
  return visitor
}

/** What was revoked then ends no new session any more. */
const untilOver = (atMs: number): Promise<void> =>
  until('the time of the revocation', WITHIN_MS, () => Date.now() > atMs + BACKDATED_MS)
const isRevoked = async (id: string): Promise<boolean> =>
  (await admin<SessionShown>(`/v1/sessions/${id}`)).revoked

describe('a token that is pushed', () => {
  it('ends the sessions of the user it names, once', async () => {
    const [alice, bob] = [await openAs('alice'), await openAs('bob')]
    const claims = { jti: 'alice-1', sub_id: sub('alice'), ...event('session-revoked') }
    const text = await transmitter.token(claims)
    assert.equal(await push(text), '202')
    assert.equal(await isRevoked(alice.id), true)
    assert.equal(await isRevoked(bob.id), false)
    // Again: taken, without an effect on what was opened since.
    await untilOver(Date.now())
    const again = await openAs('alice')
    assert.equal(await push(text), '202')
    assert.equal(await isRevoked(again.id), false)
    assert.deepEqual(await received(), { applied: 1, repeated: 1 })
    for (const { shop } of [alice, bob, again]) await shop.end()
  })

  it('is refused when its key, audience, type or bearer token is another', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { shop, id } = await openAs('carol')
    const claims = { jti: 'carol-1', sub_id: sub('carol'), ...event('session-revoked') }
    const of = transmitter.token
    assert.equal(await push(await of(claims, { key: privateKey })), '400 invalid_key')
    assert.equal(await push(await of(claims, { typ: 'JWT' })), '400 invalid_request')
    assert.equal(await push(await of({ ...claims, aud: 'other' })), '400 invalid_audience')
    assert.equal(await push(await of({ ...claims, iss: 'other' })), '400 invalid_issuer')
    const good = await of(claims)
    assert.equal(await push(good, 'x'.repeat(20)), '401 authentication_failed')
    assert.equal(await push(good, PUSH_TOKEN, 'text/plain'), '400 invalid_request')
    assert.equal(await push('x'.repeat(20_000)), '400 invalid_request')
    assert.equal(await isRevoked(id), false)
    await shop.end()
  })

  it('moves tiers: an attack to the third, a second factor back to the first', async () => {
    const visitor = await visitAs('dave')
    const tell = async (jti: string, events: object) => {
      const text = await transmitter.token({ jti, sub_id: sub('dave'), ...events })
      assert.equal(await push(text), '202')
    }
    const isIn = (tier: number) =>
      until(`tier ${tier}`, WITHIN_MS, async () => (await visitor.me()).tier === tier)
    const level = { namespace: 'nist-aal', current_level: 'nist-aal1' }
    // Who it is reaches the supervisor a little later than the answer reaches the visitor.
    let tries = 0
    await until('the visitor is known', WITHIN_MS, async () => {
      const down = { ...level, change_direction: 'decrease' }
      await tell(`dave-down-${tries++}`, event('assurance-level-change', down))
      return (await visitor.me()).tier === 2
    })
    await tell(
      'dave-up',
      event('assurance-level-change', { ...level, change_direction: 'increase' }),
    )
    await isIn(1)
    await tell('dave-attack', { events: { [`${RISC}credential-compromise`]: {} } })
    await isIn(3)
    assert.deepEqual((await visitor.me()).reasons, ['attack-said'])
    await tell(
      'dave-up-2',
      event('assurance-level-change', { ...level, change_direction: 'increase' }),
    )
    await isIn(1)
    const levels = () =>
      receiver.told.flatMap(({ events }) => {
        const said = (events as Record<string, Level>)[`${CAEP}assurance-level-change`]
        return said === undefined ? [] : [`${said.previous_level} ${said.current_level}`]
      })
    await until('the receiver was told', WITHIN_MS, () => levels().length >= 4)
    assert.deepEqual(levels(), [
      ...['tier-1 tier-2', 'tier-2 tier-1', 'tier-1 tier-3', 'tier-3 tier-1'],
    ])
    visitor.close()
  })

  it('what an operator says of a decision counts, once', async () => {
    const [decision = assert.fail()] = (await admin<Shown[]>('/v1/decisions?limit=100')).filter(
      ({ person, tier }) => person !== undefined && tier === 3,
    )
    const say = (label: string) =>
      askAdmin(limen, data, 'POST', `/v1/decisions/${decision.id}/label`, { label })
    assert.equal((await say('attack')).status, 204)
    await assert.rejects(say('honest'), /409/)
    await assert.rejects(say('other'), /400/)
  })

  it('leaves pseudonyms and no secret in the audit log', async () => {
    const { entries, intact } = await admin<{
      entries: { who: string; action: string; subject: string }[]
      intact: boolean
    }>('/v1/audit?limit=100')
    assert.equal(intact, true)
    const signals = entries.filter(({ who }) => who === `signals ${transmitter.issuer}`)
    assert.ok(signals.some(({ action }) => action === 'signal.session-revoked'))
    const text = JSON.stringify(entries) + limen.printed()
    for (const secret of ['alice"', 'dave"', PUSH_TOKEN, POLL_TOKEN, TOLD_TOKEN]) {
      assert.ok(!text.includes(secret), secret)
    }
  })
})

interface Shown {
  readonly id: string
  readonly person?: string
  readonly tier: number
}

interface Level {
  readonly previous_level: string
  readonly current_level: string
}

describe('tokens that are asked for', () => {
  it('have their effect, and are acknowledged or refused', async () => {
    const { shop, id } = await openAs('erin')
    const claims = { sub_id: sub('erin'), ...event('session-revoked') }
    const { queue, said } = transmitter
    queue.set('bad', await transmitter.token({ ...claims, jti: 'bad', aud: 'other' }))
    queue.set('named', await transmitter.token({ ...claims, jti: 'otherwise', sub_id: sub('x') }))
    queue.set('news', await transmitter.token({ jti: 'news', events: { 'https://x.test/y': {} } }))
    queue.set('erin-1', await transmitter.token({ ...claims, jti: 'erin-1' }))
    await until('the queue is empty', WITHIN_MS, () => queue.size === 0)
    assert.deepEqual(said.sort(), [
      ...['ack erin-1', 'ack news', 'invalid_audience bad', 'invalid_request named'],
    ])
    assert.equal(await isRevoked(id), true)
    assert.equal((await received())['unknown-event'], 1)
    await shop.end()
  })
})

describe('what happens here', () => {
  it('is told to a receiver that was away, also after a restart', async () => {
    const configure = '/anomalydetection/configure'
    const { version, ...tuning } = await admin<Tuning>(configure)
    await askAdmin(limen, data, 'PUT', configure, { ...tuning, thresholds: 'windowed' })
    await receiver.stop()
    const { shop, id } = await openAs('frank')
    const { subject = '' } = await admin<SessionShown>(`/v1/sessions/${id}`)
    await askAdmin(limen, data, 'DELETE', `/v1/sessions/${id}`)
    await until('a failed attempt', WITHIN_MS, () =>
      limen.printed().includes('A receiver of signals cannot be told'),
    )
    await shop.end()
    const seen = await transmitter.token({
      ...{ jti: 'grace-1', sub_id: sub('grace') },
      ...event('session-revoked'),
    })
    assert.equal(await push(seen), '202')
    const revokedAt = Date.now()
    const outbox = readFileSync(join(data, 'signals-outbox.log'), 'latin1')
    assert.equal(statSync(join(data, 'signals-outbox.log')).mode & 0o777, 0o600)
    const plain = Buffer.from(outbox, 'base64').toString('latin1')
    assert.ok(outbox.length > 100 && !plain.includes(HEARS) && !plain.includes('eyJ'))
    limen.signal('SIGKILL')
    await limen.clean()
    limen = await start()
    const { thresholds, version: after } = await admin<Tuning>(configure)
    assert.deepEqual([thresholds, after], ['windowed', version + 1])
    await untilOver(revokedAt)
    const grace = await openAs('grace')
    assert.equal(await push(seen), '202')
    assert.equal(await isRevoked(grace.id), false, 'a token that was taken before the restart')
    assert.deepEqual(await received(), { repeated: 1 })
    const before = receiver.told.length
    await receiver.start()
    await until('the receiver is told', WITHIN_MS, () => receiver.told.length > before)
    const last = receiver.told.at(-1)
    assert.deepEqual(last?.['sub_id'], {
      ...{ format: 'complex', session: sub(id), user: sub(subject) },
    })
    assert.ok(`${CAEP}session-revoked` in ((last?.['events'] ?? {}) as object))
    assert.equal(last?.iss, AUDIENCE)
    assert.equal(receiver.shown.at(-1), `Bearer ${TOLD_TOKEN}`)
    await grace.shop.end()
  })

  it('is described by metadata (SSF 1.0)', async () => {
    const read = async (path: string) =>
      (await (await fetch(`${signalsUrl}${path}`)).json()) as Meta
    const meta = await read('/.well-known/ssf-configuration')
    assert.equal(meta.issuer, AUDIENCE)
    assert.equal(meta.jwks_uri, `${AUDIENCE}/v1/signals/keys`)
    assert.deepEqual(meta.delivery_methods_supported, ['urn:ietf:rfc:8935'])
    const { keys } = await read('/v1/signals/keys')
    assert.deepEqual(
      keys.map((key) => Object.keys(key).sort()),
      [['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']],
    )
  })
})

interface Tuning {
  readonly version: number
  readonly thresholds: string
}

interface Meta {
  readonly issuer: string
  readonly jwks_uri: string
  readonly delivery_methods_supported: readonly string[]
  readonly keys: readonly object[]
}
