import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { PoolSettings } from '../../ports/data-plane.ts'
import type { PlaceLeft, SessionMove } from './session-places.ts'
import { UpstreamPool, type Waiter } from './upstream-pool.ts'

const SESSION = { id: 'session', generation: 1 }
let server: Server

before(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => server.close())

const settings = (ids: readonly string[]): PoolSettings => ({
  name: 'site',
  servers: ids.map((id) => ({
    ...{ id, host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    ...{ weight: 1, connectionsMax: 8, proxyProtocol: 'off' as const, labels: [] },
  })),
  choose: 'latency',
  slowStartMs: 0,
  affinity: { session: true },
  handoff: { state: true },
  boundedLoad: 1.25,
  health: undefined,
  outlier: { consecutiveFailures: 5, ejectMs: 1_000, ejectShareMax: 1 },
})

function poolOf(ids: readonly string[]) {
  const moves: Omit<SessionMove, 'pool'>[] = []
  let arrive = (): void => {}
  const pool = new UpstreamPool(settings(ids), {
    now: () => 1_000,
    lately: () => 1_000,
    fraction: () => 0.5,
    timeouts: { connectMs: 1e4, firstByteMs: 1e4, upstreamIdleMs: 1e4, queueMs: 1e4 },
    onEjected: () => {},
    onPlaced: () => {},
    onMoved: (_, move) => {
      moves.push(move)
      return new Promise((resolve) => {
        arrive = resolve
      })
    },
  })
  /** The server that takes a request of the session. */
  const ask = (left?: PlaceLeft) =>
    new Promise<string>((resolve) => {
      const waiter: Waiter = {
        ...{ except: undefined, stickyKey: 7, session: SESSION, left, fit: undefined },
        preface: () => undefined,
        take: (connection, { id }) => {
          connection.destroy()
          resolve(id)
        },
        giveUp: resolve,
      }
      pool.request(waiter)
    })
  return { pool, moves, ask, arrive: () => arrive() }
}

describe('UpstreamPool', () => {
  it('sends a session where its state went, also when another server would be sooner', async () => {
    const { pool, moves, ask, arrive } = poolOf(['a', 'b', 'c'])
    const from = await ask()
    for (const each of pool.servers.filter(({ id }) => id === from)) {
      each.draining = true
      pool.refresh(each)
    }
    const asked = ask()
    const [{ to } = { to: '' }] = moves
    for (const { id, pace } of pool.servers) {
      for (let n = 0; n < 100; n++) pace.learn(id === to ? 900 : 1, 1)
    }
    arrive()
    assert.equal(await asked, to)
    assert.deepEqual(
      moves.map((move) => [move.from, move.to, move.reason]),
      [[from, to, 'drain']],
    )
  })

  it('sends it elsewhere when that server is gone meanwhile', async () => {
    const { pool, moves, ask, arrive } = poolOf(['a', 'b', 'c'])
    const from = await ask()
    const stop = (id: string) => {
      const [gone] = pool.servers.filter((each) => each.id === id)
      assert.ok(gone !== undefined)
      gone.up = false
      pool.refresh(gone)
    }
    stop(from)
    const asked = ask()
    const { to = '' } = moves[0] ?? {}
    stop(to)
    arrive()
    await new Promise((resolve) => setImmediate(resolve))
    arrive()
    const left = await asked
    assert.ok(left !== from && left !== to && left.length === 1)
    assert.deepEqual(
      moves.map((move) => [move.from, move.to]),
      [
        [from, to],
        [to, left],
      ],
    )
  })
})
