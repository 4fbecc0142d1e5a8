/**
 * Proofs remembered in a real Redis: the contract, and what happens when Redis hangs, dies, comes back.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { type RedisReplayScope, redisReplayScope } from '../../src/adapters/redis/replay-scope.ts'
import { replayScopeContract } from '../../src/ports/replay-scope.contract.ts'
import { until } from './fleet-under-test.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

const NOW = 1_795_000_000
let redis: RedisServer
const scopes: RedisReplayScope[] = []
let probes = 0

before(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  for (const scope of scopes.splice(0)) await scope.close()
})
after(() => redis.clean())

const isFresh = async (scope: RedisReplayScope): Promise<boolean> =>
  (await scope.meet('probe', `${probes++}`, NOW)) === 'fresh'
const open = async (states: string[] = []): Promise<RedisReplayScope> => {
  const { url, password } = redis
  // A busy machine is not what is tested here.
  const scope = redisReplayScope({
    ...{ url, password, timeoutMs: 2_000 },
    onState: (state) => states.push(state),
  })
  scopes.push(scope)
  await until('Redis', 5_000, () => isFresh(scope))
  return scope
}

replayScopeContract('redisReplayScope()', async () => [await open(), await open()])

describe('redisReplayScope()', () => {
  it('fails while Redis is dead, at once, and takes up again by itself', async () => {
    const states: string[] = []
    const scope = await open(states)
    await redis.kill()
    await until('the loss', 5_000, () => states.includes('lost'))
    assert.equal(await scope.meet('s', 'while dead', NOW), 'failed')
    await redis.start()
    await until('Redis again', 10_000, () => isFresh(scope))
    assert.deepEqual(states, ['connected', 'lost', 'connected'])
  })

  it('fails when Redis does not answer in time', async () => {
    const { url, password } = redis
    const scope = redisReplayScope({ url, password })
    scopes.push(scope)
    await until('Redis', 5_000, () => isFresh(scope))
    redis.pause()
    try {
      assert.equal(await scope.meet('s', 'while it hangs', NOW), 'failed')
    } finally {
      redis.resume()
    }
  })

  it('fails with a wrong password, and does not say it', async () => {
    const said: string[] = []
    const scope = redisReplayScope({
      url: redis.url,
      password: 'guessed-wrong',
      onState: (_, why) => said.push(why),
    })
    scopes.push(scope)
    await until('a refusal', 5_000, () => said.length > 0)
    assert.equal(await scope.meet('s', 'n', NOW), 'failed')
    assert.equal(said.join().includes('guessed'), false)
  })
})
