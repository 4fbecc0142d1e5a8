/**
 * What breaks without warning: a worker, an upstream server, the supervisor killed -9 under load; and what
 * an operator takes out on purpose.
 *
 * @module
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { freePorts } from '../free-ports.ts'
import {
  type ConfigText,
  isAlive,
  type LimenUnderTest,
  type Origin,
  startLimen,
  startOrigins,
  until,
} from './fleet-under-test.ts'
import { type LoadPart, startLoad } from './steady-load.ts'

const HEALTH_MS = 1_000
/** `rise` checks, one more that had just begun, and the machine's own delays. */
const RECOVERY_MS_MAX = HEALTH_MS * 3 + 1_000
const FAST_MS_MAX = 250
const ORPHAN_MS_MAX = 8_000

describe('killed under load', () => {
  let limen: LimenUnderTest
  let origins: Origin[] = []
  let tlsPort = 0
  let plainPort = 0
  let mixed: readonly LoadPart[] = []

  beforeEach(async () => {
    origins = await startOrigins('a', 'b', 'c')
    ;[tlsPort = 0, plainPort = 0] = await freePorts(2)
    mixed = [
      { kind: 'http', port: plainPort, clients: 6 },
      { kind: 'https', port: tlsPort, clients: 6 },
      { kind: 'h2', port: tlsPort, clients: 2, streams: 4 },
    ]
    limen = await startLimen(configuration())
  })

  afterEach(async () => {
    await limen.clean()
    await Promise.all(origins.map((origin) => origin.clean()))
  })

  const configuration = (choose: 'p2c' | 'round-robin' = 'p2c'): ConfigText => ({
    listeners: [
      { name: 'web', address: `127.0.0.1:${tlsPort}`, tls: {} },
      { name: 'plain', address: `127.0.0.1:${plainPort}` },
    ],
    certificates: [{ localCa: ['load.test'] }],
    pools: [
      {
        name: 'site',
        choose,
        servers: origins.map(({ id, port }) => ({ id, address: `127.0.0.1:${port}` })),
        health: { path: '/healthz', intervalMs: HEALTH_MS, timeoutMs: HEALTH_MS, rise: 2, fall: 2 },
      },
    ],
    routes: [{ pool: 'site' }],
  })
  const [A, B] = [0, 1]
  const originAt = (index: number): Origin => {
    const origin = origins[index]
    assert.ok(origin)
    return origin
  }
  const stateOf = async (id: string): Promise<string | undefined> =>
    (await limen.upstreams()).find((one) => one.id === id)?.state

  it('a worker: only what was in flight on its connections is lost, and it is replaced', async (t) => {
    const load = startLoad(mixed)
    await until('some load', 10_000, () => load.answered > 2_000)
    // Reports come twice a second: by now they count every connection of the steady clients.
    await until('connections counted', 5_000, async () => {
      const open = (await limen.workers()).reduce((sum, { connections }) => sum + connections, 0)
      return open === 14
    })
    const [victim, other] = await limen.workers()
    assert.ok(victim && other)
    const before = await limen.traffic()
    process.kill(victim.pid, 'SIGKILL')
    const totals: number[] = [before.responses[2] ?? 0]
    await until('its replacement', 10_000, async () => {
      totals.push((await limen.traffic()).responses[2] ?? 0)
      const now = (await limen.workers()).find(({ id }) => id === victim.id)
      return now !== undefined && now.pid !== victim.pid && now.state === 'serving'
    })
    const goal = load.answered + 3_000
    await until('the load to go on', 20_000, async () => {
      totals.push((await limen.traffic()).responses[2] ?? 0)
      return load.answered > goal
    })
    const report = await load.stop()
    const streams = 4
    const inFlightMax = victim.connections + 2 * (streams - 1)
    t.diagnostic(
      `${report.requests} requests, ${report.failures.length} lost of at most ${inFlightMax}, ` +
        `${victim.connections} connections on the worker killed`,
    )
    assert.ok(victim.connections > 0 && other.connections > 0, 'both workers had connections')
    assert.ok(report.failures.length <= inFlightMax, report.failures.join('\n'))
    for (const failure of report.failures) assert.doesNotMatch(failure, /status [1-9]/)
    assert.deepEqual(
      totals,
      [...totals].sort((a, b) => a - b),
    )
    const [first, second] = await limen.workers()
    assert.equal(first?.restarts, 1)
    assert.equal(second?.pid, other.pid)
    assert.equal(second?.restarts, 0)
    assert.equal(await limenServesNew(), 20)
  })

  /** Connections go to both workers: the new one serves too. */
  async function limenServesNew(): Promise<number> {
    const load = startLoad([{ kind: 'https-new', port: tlsPort, clients: 2 }])
    await until('20 new connections', 10_000, () => load.answered >= 20)
    const report = await load.stop()
    assert.deepEqual(report.failures, [])
    return Math.min(load.answered, 20)
  }

  it('an upstream: no GET fails, and it gets requests again when it is back', async (t) => {
    const load = startLoad(mixed)
    await until('some load', 10_000, () => load.answered > 1_500)
    await originAt(A).kill()
    await until('it is down', 5_000, async () => (await stateOf('a')) === 'down')
    const goal = load.answered + 1_500
    await until('the load to go on', 20_000, () => load.answered > goal)
    const restartedAt = performance.now()
    await originAt(A).restart()
    await until('it gets requests', RECOVERY_MS_MAX + 2_000, async () => {
      return (await originAt(A).requests()) > 0
    })
    const backMs = Math.round(performance.now() - restartedAt)
    const report = await load.stop()
    const { retries } = await limen.traffic()
    t.diagnostic(
      `${report.requests} requests, ${report.failures.length} failed, ${retries} retries, ` +
        `back after ${backMs} ms`,
    )
    assert.deepEqual(report.failures, [])
    assert.ok(retries > 0, 'the kill met requests in flight')
  })

  it('an upstream under POST: none is sent twice, and none gets worse than 502', async (t) => {
    const posts = { method: 'POST', path: '/keep' } as const
    const load = startLoad([
      { kind: 'http', port: plainPort, clients: 8, ...posts },
      { kind: 'h2', port: tlsPort, clients: 2, streams: 4, ...posts },
    ])
    await until('some load', 10_000, () => load.answered > 500)
    await originAt(B).kill()
    await until('it is down', 5_000, async () => (await stateOf('b')) === 'down')
    const goal = load.answered + 300
    await until('the load to go on', 20_000, () => load.answered > goal)
    const report = await load.stop()
    const received = origins.flatMap((origin) => origin.posts())
    t.diagnostic(`${report.requests} POSTs, ${report.failures.length} failed`)
    assert.equal(new Set(received).size, received.length, 'a POST arrived twice')
    assert.ok(received.length >= report.requests - report.failures.length)
    for (const failure of report.failures) assert.match(failure, /status 502: .*urn:limen:err/)
    // One per connection to it at the most: those that were in flight.
    assert.ok(report.failures.length <= 16, report.failures.join('\n'))
  })

  it('an upstream drained by the operator gets nothing new, fails none, and comes back', async () => {
    const load = startLoad(mixed)
    await until('some load', 10_000, () => load.answered > 1_000)
    await limen.changeServer('a', { draining: true })
    await until('it is idle', 5_000, async () => {
      const server = (await limen.upstreams()).find(({ id }) => id === 'a')
      return server?.state === 'draining' && server.inFlight === 0
    })
    const then = await originAt(A).requests()
    const goal = load.answered + 2_000
    await until('the load to go on', 20_000, () => load.answered > goal)
    assert.equal(await originAt(A).requests(), then)
    await limen.changeServer('a', { draining: false })
    await until('it gets requests', 5_000, async () => (await originAt(A).requests()) > then)
    assert.deepEqual((await load.stop()).failures, [])
  })

  it('a change of weight shifts the share of the load', async (t) => {
    await limen.reload(configuration('round-robin'))
    const shareOf = async (): Promise<number> => {
      const load = startLoad([{ kind: 'http', port: plainPort, clients: 8 }])
      await until('2000 requests', 20_000, () => load.answered > 2_000)
      const { servers, failures, requests } = await load.stop()
      assert.deepEqual(failures, [])
      return (servers['a'] ?? 0) / requests
    }
    const equal = await shareOf()
    await limen.changeServer('a', { weight: 8 })
    const heavy = await shareOf()
    t.diagnostic(
      `weight 1 of 3: ${(equal * 100).toFixed(1)} %, 8 of 10: ${(heavy * 100).toFixed(1)} %`,
    )
    assert.ok(Math.abs(equal - 1 / 3) < 0.02, `share ${equal}`)
    assert.ok(Math.abs(heavy - 0.8) < 0.02, `share ${heavy}`)
  })

  it('all upstreams: 503 with a problem at once, and back within the health interval', async (t) => {
    await Promise.all(origins.map((origin) => origin.kill()))
    await until('all are down', 5_000, async () => {
      return (await limen.upstreams()).every(({ state }) => state === 'down')
    })
    const askedAt = performance.now()
    const refused = await fetch(`http://127.0.0.1:${plainPort}/who/nobody`)
    const refusedMs = performance.now() - askedAt
    assert.equal(refused.status, 503)
    assert.equal(refused.headers.get('content-type'), 'application/problem+json')
    assert.ok(refused.headers.get('retry-after'))
    const problem = (await refused.json()) as { type: string; status: number }
    assert.equal(problem.type, 'urn:limen:err:no-upstream')
    assert.ok(refusedMs < FAST_MS_MAX, `${refusedMs} ms`)
    await Promise.all(origins.map((origin) => origin.restart()))
    const backAt = performance.now()
    await until('it serves again', RECOVERY_MS_MAX, async () => {
      return (await fetch(`http://127.0.0.1:${plainPort}/who/back`)).ok
    })
    t.diagnostic(
      `503 in ${refusedMs.toFixed(1)} ms, back after ${Math.round(performance.now() - backAt)} ms`,
    )
  })

  it('the supervisor: workers end by themselves and leave no address behind', async (t) => {
    const load = startLoad(mixed.map((part) => ({ ...part, reconnect: false })))
    await until('some load', 10_000, () => load.answered > 500)
    const workers = await limen.workers()
    limen.signal('SIGKILL')
    const killedAt = performance.now()
    await until('the workers are gone', ORPHAN_MS_MAX, () =>
      workers.every(({ pid }) => !isAlive(pid)),
    )
    const goneMs = Math.round(performance.now() - killedAt)
    await load.stop()
    t.diagnostic(`workers gone ${goneMs} ms after, ${load.failures.length} requests lost`)
    assert.deepEqual(load.failures, [])
    for (const port of [tlsPort, plainPort]) {
      const server = net.createServer()
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
      })
      server.close()
    }
  })
})
