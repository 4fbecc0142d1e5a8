/**
 * People kept in a real Redis: the contract, what an erasure leaves, on the other edges too, and what happens when Redis dies and comes back.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createClient } from 'redis'
import { openLog } from '../../src/adapters/node/json-log.ts'
import { aesPersonSeal } from '../../src/adapters/node/person-seal.ts'
import { aesRecordSeal } from '../../src/adapters/node/record-seal.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { redisPersonStore } from '../../src/adapters/redis/person-store.ts'
import { openTierFile } from '../../src/apps/server/behavior/kept-tiers.ts'
import { PeopleFeed } from '../../src/apps/server/behavior/people-feed.ts'
import { PeopleWatch } from '../../src/flows/watch-people.ts'
import { personStoreContract, samplePerson } from '../../src/ports/person-store.contract.ts'
import type { PersonStore } from '../../src/ports/person-store.ts'
import { fakeDataPlane } from '../fake-data-plane.ts'
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

/** What watches people on one edge. */
async function openEdge(path: string) {
  const plane = fakeDataPlane()
  const tierFile = openTierFile(path, aesRecordSeal(MASTER, 'person-tiers', random), () => {})
  const clock = { now: Date.now }
  const store = await open()
  const feed = new PeopleFeed({
    ...{ plane, tierFile, clock, store, onError: 'open', compareWith: 'others' },
    watch: new PeopleWatch(
      {
        ...{ thresholds: { tier2: 3, tier3: 5 }, tuning: 'fixed', falsePositiveBudget: 0.01 },
        ...{ enrol: 'first', sessionMs: 1_800_000 },
      },
      () => random.fraction(),
      Date.now(),
    ),
    ...{ mode: () => 'enforce', isShared: true, suspicionMs: 3_600_000, onTier: () => {} },
    idKey: MASTER,
    log: openLog({ level: 'error', format: 'json', write: () => {} }),
  })
  const comes = async (user: string): Promise<string> => {
    plane.meetBehavior([{ kind: 'user', session: `s-${user}`, value: user }])
    const id = feed.idOf(user)
    await until(user, 10_000, async () => feed.sessionsOf(id).length > 0)
    return id
  }
  const close = async () => {
    await feed.close()
    await store.close()
  }
  return { feed, plane, tierFile, comes, close }
}

describe('PeopleFeed of two edges and one Redis', () => {
  it('forgets in seconds what is remembered of whom the other edge erases, in the sealed file too', async () => {
    await (await openEmpty()).close()
    const folder = mkdtempSync(join(tmpdir(), 'limen-people-redis-'))
    const [one, other] = [await openEdge(join(folder, 'one')), await openEdge(join(folder, 'two'))]
    try {
      const [alice, bob] = [await one.comes('alice'), await one.comes('bob')]
      for (const id of [alice, bob]) one.feed.doubt(id, 3)
      const known = () => one.tierFile.read().tiers.map(({ person }) => person)
      await until('both in the file', 10_000, async () => known().length === 2)
      await until('both in Redis', 10_000, async () => (await other.feed.load(bob)) !== undefined)
      assert.equal(await other.feed.erase(alice), true)
      await until('the file', 15_000, async () => !known().includes(alice))
      assert.deepEqual([one.feed.tierOfPerson(alice), one.feed.tierOfPerson(bob)], [1, 3])
      assert.deepEqual([known(), one.feed.timeline.of(alice).points.length], [[bob], 0])
      assert.deepEqual(
        one.plane.tiersTold.findLast(({ session }) => session === 's-alice'),
        { session: 's-alice', shown: 1, enforced: 1 },
      )
      // She is not brought back by what this edge still had of her.
      assert.equal(await other.feed.load(alice), undefined)
    } finally {
      await one.close()
      await other.close()
      rmSync(folder, { recursive: true })
    }
  })
})
