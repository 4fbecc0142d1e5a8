import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { SessionMove } from '../../adapters/edge/session-places.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { ServerSettings } from '../../ports/data-plane.ts'
import { STATE_BYTES_MAX } from '../../wire/handoff-notice.ts'
import { HandoffDesk } from './handoff-desk.ts'

const MOVE: SessionMove = {
  ...{ pool: 'site', session: 's', generation: 1, from: 'a', to: 'b' },
  ...{ reason: 'drain', lives: true },
}
const OCTETS = { 'content-type': 'application/octet-stream' }

/** One process plays all servers; what it got, as `POST /path`. */
let got: string[] = []
let answer: (request: IncomingMessage, response: ServerResponse) => void
const server = createServer((request, response) => {
  got.push(`${request.method} ${request.url?.replace('/.well-known/limen/', '')}`)
  request.resume()
  answer(request, response)
})
let port = 0
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
after(() => {
  server.closeAllConnections()
  server.close()
})

let ahead = 0
let desk: HandoffDesk
/** Ports of servers by id; one that is missing has left the settings. */
let ports: Map<string, number>
beforeEach(() => {
  got = []
  ahead = 0
  answer = (_, response) => response.end()
  ports = new Map(['a', 'b', 'c'].map((id) => [id, port]))
  desk = new HandoffDesk({
    random: systemRandom(),
    now: () => Date.now() + ahead,
    serverOf(_, id) {
      const at = ports.get(id)
      const settings: ServerSettings = {
        ...{ id, host: '127.0.0.1', port: at ?? 0, weight: 1, connectionsMax: 1 },
        ...{ proxyProtocol: 'off', labels: [] },
      }
      return at === undefined ? undefined : { server: settings, handsState: true }
    },
    whyNot: () => 'load',
  })
  const pair = generateKeyPairSync('ed25519')
  const privateKey = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
  desk.sign({ kid: 'k', privateKey })
})

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, what)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('HandoffDesk', () => {
  it('tells once what several workers say, and again when it moves on', async () => {
    await Promise.all([desk.moved(MOVE), desk.moved(MOVE)])
    await desk.moved(MOVE)
    assert.deepEqual(got, ['POST handoff'])
    // A worker that has not heard of the first move.
    await desk.moved({ ...MOVE, to: 'c' })
    await desk.moved({ ...MOVE, from: 'c', to: 'a' })
    assert.deepEqual(got, Array(3).fill('POST handoff'))
    assert.deepEqual(desk.counts(), { 'drain/told': 3 })
    desk.close()
  })

  it('tells a server of another pool that the tier has changed, once, and again on the way back', async () => {
    answer = ({ method }, response) =>
      method === 'POST' ? response.writeHead(200, OCTETS).end('x') : response.end()
    const told: string[] = []
    const rise: SessionMove = { ...MOVE, left: 'site', pool: 'deep', to: 'c', reason: 'tier' }
    const fall: SessionMove = { ...rise, left: 'deep', from: 'c', pool: 'site', to: 'a' }
    assert.ok(desk.placed({ pool: 'site', session: 's', generation: 1, server: 'a' }))
    for (const move of [rise, rise, fall, fall, rise]) {
      await desk.moved(move)
      told.push(
        desk
          .places()
          .map(({ pool, server }) => `${pool}/${server}`)
          .join(),
      )
    }
    assert.deepEqual(told, ['deep/c', 'deep/c', 'site/a', 'site/a', 'deep/c'])
    assert.deepEqual(got, Array(3).fill(['POST handoff', 'PUT session-state/s']).flat())
    assert.deepEqual(desk.counts(), { 'tier/moved': 3 })
    desk.close()
  })

  it('takes a place that contradicts another for a move', async () => {
    const place = { pool: 'site', session: 's', generation: 1 }
    assert.ok(desk.placed({ ...place, server: 'a' }))
    assert.ok(desk.placed({ ...place, server: 'a' }))
    assert.equal(desk.placed({ ...place, server: 'b' }), false)
    await until('the count', () => desk.counts()['load/told'] === 1)
    assert.deepEqual(desk.places(), [{ pool: 'site', session: 's', server: 'b' }])
    desk.close()
  })

  it('carries state over before it says that requests may follow', async () => {
    answer = ({ method }, response) =>
      method === 'POST' ? response.writeHead(200, OCTETS).end('x') : response.end()
    await desk.moved(MOVE)
    assert.deepEqual(got, ['POST handoff', 'PUT session-state/s'])
    assert.deepEqual(desk.counts(), { 'drain/moved': 1 })
    desk.close()
  })

  const others: readonly (readonly [string, typeof answer, string])[] = [
    [
      'too much state',
      (_, to) => to.writeHead(200, OCTETS).end(Buffer.alloc(STATE_BYTES_MAX + 1)),
      'told',
    ],
    [
      'something else',
      (_, to) => to.writeHead(200, { 'content-type': 'text/html' }).end('x'),
      'told',
    ],
    ['state with 201', (_, to) => to.writeHead(201, OCTETS).end('x'), 'told'],
    ['404', (_, to) => to.writeHead(404, OCTETS).end('x'), 'refused'],
  ]
  for (const [name, how, result] of others) {
    it(`carries nothing when the old server answers with ${name}: ${result}`, async () => {
      answer = how
      await desk.moved(MOVE)
      assert.deepEqual(got, ['POST handoff'])
      assert.deepEqual(desk.counts(), { [`drain/${result}`]: 1 })
      desk.close()
    })
  }

  it('counts state that the new server does not take', async () => {
    answer = ({ method }, response) =>
      method === 'POST' ? response.writeHead(200, OCTETS).end('x') : response.writeHead(500).end()
    await desk.moved(MOVE)
    assert.deepEqual(desk.counts(), { 'drain/state_lost': 1 })
    desk.close()
  })

  it('tells a server that was away when it is back, for a minute', async () => {
    ports.set('a', 1)
    await desk.moved(MOVE)
    assert.deepEqual([got, desk.counts()], [[], {}])
    ports.set('a', port)
    await until('the notice', () => desk.counts()['drain/late'] === 1)
    assert.deepEqual(got, ['POST handoff'])

    ports.set('b', 1)
    await desk.moved({ ...MOVE, from: 'b', to: 'c' })
    ahead = 60_001
    ports.set('b', port)
    await until('it to be over', () => desk.counts()['drain/lost'] === 1)
    assert.equal(got.length, 1)
    desk.close()
  })

  it('has nobody to tell when the server has left the settings, and no key to sign with', async () => {
    ports.delete('a')
    await desk.moved(MOVE)
    assert.deepEqual(desk.counts(), { 'drain/lost': 1 })
    desk.sign(undefined)
    await desk.moved({ ...MOVE, from: 'b', to: 'c' })
    assert.deepEqual(got, [])
    desk.close()
  })
})
