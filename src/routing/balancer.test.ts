import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { BALANCE_POLICIES, Balancer, type BalancerSettings, NO_KEY } from './balancer.ts'
import { ServerPace } from './choose-by-latency.ts'
import { NO_SERVER } from './choose-server.ts'

const SERVERS = 5
const KEYS = 1000
const SETTINGS: BalancerSettings = { choose: 'latency', slowStartMs: 0, boundedLoad: 1.25 }
/** In flight without being calm: more than a browser makes at once. */
const CROWD = 200

const fleet = () =>
  Array.from({ length: SERVERS }, (_, i) => {
    const pace = new ServerPace()
    for (let n = 0; n < 20; n++) pace.learn(10, 1)
    return { id: `s${i}`, weight: 10, inFlight: 0, usable: true, pace }
  })

function setUp(settings: Partial<BalancerSettings> = {}, seed = 1) {
  const servers = fleet()
  const balancer = new Balancer(servers, { ...SETTINGS, ...settings }, seededRandom(seed).fraction)
  const at = (index: number) => servers[index] as (typeof servers)[number]
  return { servers, balancer, at }
}

const keys = Array.from({ length: KEYS }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0)

describe('Balancer.choose()', () => {
  for (const choose of BALANCE_POLICIES) {
    it(`spreads requests without a key over equal servers: ${choose}`, () => {
      const { balancer } = setUp({ choose })
      const got = new Array<number>(SERVERS).fill(0)
      for (let i = 0; i < 5000; i++) {
        balancer.count()
        const index = balancer.choose(NO_KEY, NO_SERVER, i)
        got[index] = (got[index] ?? 0) + 1
      }
      for (const share of got) assert.ok(Math.abs(share / 5000 - 0.2) < 0.03, `${got}`)
    })
  }

  it('goes by the key under consistent-hash, on every worker alike', () => {
    const one = setUp({ choose: 'consistent-hash' }, 1).balancer
    const other = setUp({ choose: 'consistent-hash' }, 2).balancer
    const led = keys.map((key) => one.choose(key, NO_SERVER, 0))
    assert.deepEqual(
      led,
      keys.map((key) => other.choose(key, NO_SERVER, 0)),
    )
    assert.equal(new Set(led).size, SERVERS)
  })
})

describe('Balancer.stays()', () => {
  it('holds who is on a server through a burst, and not when it is slow or away', () => {
    const { balancer, at } = setUp()
    at(0).inFlight = CROWD
    assert.equal(balancer.stays(0, 0), true, 'a burst of its own')
    at(0).pace.latencyMs = 200
    assert.equal(balancer.stays(0, 0), false, 'slow')
    at(0).pace.latencyMs = 10
    at(0).usable = false
    assert.equal(balancer.stays(0, 0), false, 'down')
    assert.equal(balancer.stays(NO_SERVER, 0), false)
  })

  it('goes by the bound where latency does not count', () => {
    const { balancer, at } = setUp({ choose: 'p2c' })
    at(0).inFlight = 31
    assert.equal(balancer.stays(0, 0), true, 'few in flight are chance')
    at(0).inFlight = CROWD
    assert.equal(balancer.stays(0, 0), false)
    for (let i = 1; i < SERVERS; i++) at(i).inFlight = CROWD
    assert.equal(balancer.stays(0, 0), true, 'all are as busy')
  })
})

describe('Balancer.keep()', () => {
  it('leaves a session where it is, wherever that is, while that server is well', () => {
    const { balancer } = setUp()
    for (const key of keys)
      assert.equal(balancer.keep(key % SERVERS, key, NO_SERVER, 0), key % SERVERS)
  })

  it('leads a new session to the same server on every worker, whatever little runs on each', () => {
    const one = setUp({}, 1)
    const other = setUp({}, 2)
    for (let i = 0; i < SERVERS; i++) other.at(i).inFlight = (7 * i) % 5
    for (const key of keys) {
      const led = one.balancer.keep(NO_SERVER, key, NO_SERVER, 0)
      assert.equal(other.balancer.keep(NO_SERVER, key, NO_SERVER, 0), led)
      one.at(led).inFlight = CROWD
      assert.notEqual(one.balancer.keep(NO_SERVER, key, NO_SERVER, 0), led, 'overloaded')
      one.at(led).inFlight = 0
    }
  })

  it('takes sessions off a slow server, to servers that are not, alike on every worker', () => {
    const one = setUp({}, 1)
    const other = setUp({}, 2)
    for (const { at } of [one, other]) {
      at(0).pace.latencyMs = 500
      at(1).pace.latencyMs = 400
    }
    const went = keys.map((key) => one.balancer.keep(0, key, NO_SERVER, 0))
    // Chance draws the other slow one now and then: those go by the next request.
    const settled = went.map((at, i) => (at > 1 ? at : oneMore(one.balancer, at, keys[i] ?? 0)))
    assert.deepEqual([...new Set(settled)].sort(), [2, 3, 4])
    keys.forEach((key, i) => {
      const there = oneMore(other.balancer, 0, key)
      assert.equal(there, settled[i])
    })
  })

  function oneMore(balancer: Balancer, from: number, key: number): number {
    let at = from
    for (let i = 0; i < 20; i++) at = balancer.keep(at, key, NO_SERVER, 0)
    return at
  }

  it('goes on along the ring when the server is overloaded, down or just failed', () => {
    const { balancer, at } = setUp()
    const home = (key: number, except: number) => balancer.keep(NO_SERVER, key, except, 0)
    for (const key of keys.slice(0, 100)) {
      const first = home(key, NO_SERVER)
      assert.equal(balancer.keep(first, key, NO_SERVER, 0), first)
      const next = home(key, first)
      assert.notEqual(next, first)
      assert.equal(balancer.keep(first, key, first, 0), next, 'just failed')
      at(first).inFlight = CROWD
      assert.equal(balancer.keep(first, key, NO_SERVER, 0), next, 'overloaded')
      at(first).inFlight = 0
      at(first).usable = false
      assert.equal(balancer.keep(first, key, NO_SERVER, 0), next, 'down')
      at(first).usable = true
    }
  })
})
