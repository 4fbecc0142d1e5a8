/**
 * A whole Limen that keeps people in a real Redis: nothing of them lies there unsealed, and when Redis dies requests are served,
 * the health says so, and who was learned is known when Redis is there again.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { createClient } from 'redis'
import { actPerson } from '../acted-person.ts'
import { freePorts } from '../free-ports.ts'
import { Visitor } from './behavior-visitor.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

const WITHIN_MS = 30_000
let redis: RedisServer
let limen: LimenUnderTest
let site: Server
let port = 0

before(async () => {
  redis = await startRedis()
  site = createServer(({ url = '' }, response) => {
    response.setHeader('Limen-User', url.slice(1) || 'nobody').end('ok')
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  ;[port = 0] = await freePorts(1)
  const address = `127.0.0.1:${(site.address() as AddressInfo).port}`
  const { url, passwordFile } = redis
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address }] }],
    routes: [{ pool: 'site' }],
    sessions: { redis: { url, passwordFile } },
    behavior: { mode: 'shadow', store: 'redis' },
  })
})

after(async () => {
  await limen?.clean()
  await redis?.clean()
  site?.close().closeAllConnections()
})

const visit = async (user: string): Promise<Visitor> => {
  const visitor = new Visitor(port)
  await visitor.consent()
  assert.equal((await visitor.ask('GET', `/${user}`)).status, 200)
  return visitor
}
const ask = (path: string, method = 'GET'): Promise<number> => {
  const token = readFileSync(join(limen.folder, 'data', 'admin-token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}` }
  return fetch(`${limen.adminUrl}${path}`, { method, headers }).then(({ status }) => status)
}

it('people in Redis are sealed there, outlive its death, and can be erased', async () => {
  const visitor = await visit('alice')
  const person = actPerson(2)
  for (const batch of person.type(600)) await visitor.tell(batch)
  await until('alice', WITHIN_MS, async () => (await ask('/profiles/alice')) === 200)
  const client = createClient({ url: redis.url, password: redis.password })
  client.on('error', () => {})
  await client.connect()
  const [key = ''] = await client.keys('limen:person:*')
  const record = Buffer.from((await client.hGet(key, 'record')) ?? '', 'base64').toString('latin1')
  assert.ok(record.length > 100)
  for (const text of ['alice', 'desktop', 'createdAt']) assert.ok(!record.includes(text))
  client.destroy()

  await redis.kill()
  // Somebody it has never heard of: it must ask.
  const stranger = await visit('bob')
  for (const batch of actPerson(3).type(40)) await stranger.tell(batch)
  await until('blindness', WITHIN_MS, async () => (await ask('/health/anomalydetection')) === 503)
  assert.equal((await visitor.ask('GET', '/alice')).status, 200)
  for (const batch of person.type(400)) await visitor.tell(batch)
  assert.equal(await ask('/profiles/alice'), 503)
  assert.equal(await ask('/health/anomalydetection'), 503)

  await redis.start()
  await until('sight', WITHIN_MS, async () => (await ask('/health/anomalydetection')) === 200)
  // Redis came back empty, as if she had been erased: she is learned anew, in a session that has not been learned from.
  const anew = await visit('alice')
  await until('alice again', WITHIN_MS, async () => {
    for (const batch of person.type(400)) await anew.tell(batch)
    return (await ask('/profiles/alice')) === 200
  })
  assert.equal(await ask('/profiles/alice', 'DELETE'), 204)
  assert.equal(await ask('/profiles/alice'), 404)
  assert.ok(!limen.printed().includes('alice') && !limen.printed().includes(redis.password))
  for (const one of [visitor, anew, stranger]) one.close()
})
