/**
 * People kept in a real Redis: the contract, what an erasure leaves, and what happens when Redis dies and comes back.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createClient } from 'redis'
import { aesPersonSeal } from '../../src/adapters/node/person-seal.ts'
import { aesRecordSeal } from '../../src/adapters/node/record-seal.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { redisPersonStore } from '../../src/adapters/redis/person-store.ts'
import { personStoreContract, samplePerson } from '../../src/ports/person-store.contract.ts'
import type { PersonStore } from '../../src/ports/person-store.ts'
import { until } from './fleet-under-test.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

const MASTER = createSecretKey(Buffer.alloc(32, 7))
const random = systemRandom()
let redis: RedisServer

before(async () => {
  redis = await startRedis()
})
after(() => redis.clean())

const isReady = (store: PersonStore): Promise<boolean> =>
  store.size().then(
    () => true,
    () => false,
  )
const open = async (): Promise<PersonStore> => {
  const { url, password } = redis
  const store = redisPersonStore({
    ...{ url, password, timeoutMs: 10_000, seal: aesPersonSeal(MASTER, random) },
    stateSeal: aesRecordSeal(MASTER, 'people', random),
  })
  await until('Redis', 10_000, () => isReady(store))
  return store
}
const raw = async () => {
  const client = createClient({ url: redis.url, password: redis.password })
  await client.connect()
  return client
}
const openEmpty = async (): Promise<PersonStore> => {
  const client = await raw()
  await client.flushAll()
  client.destroy()
  return open()
}

personStoreContract('redisPersonStore()', openEmpty)

describe('redisPersonStore()', () => {
  it('is one store for two edges of one record key', async () => {
    const [one, two] = [await openEmpty(), await open()]
    await one.save(samplePerson(1))
    assert.deepEqual((await two.load(samplePerson(1).id))?.person, samplePerson(1))
    const both = await Promise.all([one.save(samplePerson(1), 1), two.save(samplePerson(1), 1)])
    assert.deepEqual(
      both.filter((revision) => revision !== undefined),
      [2],
    )
    await one.close()
    await two.close()
  })

  it('holds nothing that was not sealed, and after an erasure nothing that opens', async () => {
    const store = await openEmpty()
    const { id } = samplePerson(1)
    await store.save(samplePerson(1))
    const client = await raw()
    const record = (await client.hGet(`limen:person:${id}`, 'record')) ?? ''
    const plain = Buffer.from(record, 'base64').toString('latin1')
    for (const text of ['desktop', 'createdAt', 'confirmed']) assert.ok(!plain.includes(text))
    assert.equal(await store.erase(id), true)
    assert.deepEqual(await client.keys('limen:person*'), [])
    // Somebody puts back a copy of the record.
    await client.hSet(`limen:person:${id}`, { revision: 1, record })
    assert.equal(await store.load(id), undefined)
    await store.save(samplePerson(1))
    await client.hSet(`limen:person:${id}`, { revision: 9, record })
    assert.equal(await store.load(id), undefined)
    client.destroy()
    await store.close()
  })

  it('rejects while Redis is dead, and takes up again by itself', async () => {
    const store = await openEmpty()
    await redis.kill()
    await assert.rejects(store.load(samplePerson(1).id), { code: 'person-store-silent' })
    await assert.rejects(store.save(samplePerson(1)), { code: 'person-store-silent' })
    await redis.start()
    await until('Redis again', 20_000, () => isReady(store))
    assert.equal(await store.save(samplePerson(1)), 1)
    await store.close()
  })
})
