/**
 * WebSockets under a session key: a browser can set no fields on them, so the proof is in the query, once.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import WebSocket, { WebSocketServer } from 'ws'
import { webSocketUrl } from '../../src/apps/browser/sign-request.ts'
import { send } from './raw-client.ts'
import {
  HOST,
  type Holder,
  type SessionEdge,
  startSessionEdge,
  VERSIONS,
} from './session-edge-under-test.ts'

/** What the server was asked for, and whether it was told by whom. */
const seen: { url: string; assertion: string | undefined }[] = []
/** Of ordinary requests. */
const asked: string[] = []
const server = createServer((request, response) => {
  asked.push(request.url ?? '')
  response.end()
})
const sockets = new WebSocketServer({ server })
sockets.on('connection', (socket, { url = '', headers }) => {
  seen.push({ url, assertion: headers['limen-assertion'] as string | undefined })
  socket.on('message', (data) => socket.send(data.toString()))
})

let site: SessionEdge
let user: Holder
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  site = await startSessionEdge({ origin: { port } as never })
  user = await site.holder()
})
after(async () => {
  for (const client of sockets.clients) client.terminate()
  await site.close()
  server.close()
})

/** The target with a token, by the browser's code. */
async function webSocketProof({ session }: Holder, target: string, now: number): Promise<string> {
  const url = new URL(await webSocketUrl(session, new URL(`wss://${HOST}${target}`), now))
  return `${url.pathname}${url.search}`
}

/** `open` and what an echo said, or the code it was refused with. */
function open(target: string, headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve) => {
    const url = `ws://127.0.0.1:${site.edge.plainPort}${target}`
    const socket = new WebSocket(url, { headers: { host: HOST, ...headers } })
    socket.on('open', () => socket.send('hello'))
    socket.on('message', (data) => {
      resolve(`open ${data}`)
      socket.terminate()
    })
    socket.on('unexpected-response', (request, response) => {
      resolve(`${response.statusCode} ${response.headers['sessionkey-error']}`)
      request.destroy()
    })
    socket.on('error', () => resolve('error'))
  })
}

let revocations = 0
function revoke({ id }: Holder): void {
  const entry = {
    kind: 'revoke',
    session: id,
    generation: 2 ** 31,
    until: site.now() + 900,
  } as const
  site.worker.hear([{ ...entry, seq: ++revocations }], false, site.now())
}

describe('a WebSocket with a token in its query', () => {
  for (const [asked, passed] of [
    ['/ws', '/ws'],
    ['/ws?room=1&as=me', '/ws?room=1&as=me'],
  ] as const) {
    it(`opens at ${asked}, and the server sees no token`, async () => {
      const target = await webSocketProof(user, asked, site.now())
      assert.equal(await open(target), 'open hello')
      assert.equal(seen.at(-1)?.url, passed)
      assert.ok(seen.at(-1)?.assertion !== undefined)
    })
  }

  it('opens once', async () => {
    const target = await webSocketProof(user, '/ws', site.now())
    assert.equal(await open(target), 'open hello')
    assert.equal(await open(target), '401 replay')
  })

  it('is refused at another place than signed', async () => {
    const target = await webSocketProof(user, '/ws?room=1', site.now())
    assert.equal(await open(target.replace('room=1', 'room=2')), '401 sig_invalid')
    assert.equal(await open(target.replace('/ws', '/other')), '401 sig_invalid')
    assert.equal(await open(target, { host: 'other.test' }), '401 sig_invalid')
  })

  it('is refused when it is malformed, stale, or not the last parameter', async () => {
    const target = await webSocketProof(user, '/ws', site.now())
    assert.equal(await open('/ws?limen=garbage'), '401 sig_params')
    assert.equal(await open(`${target}A`), '401 sig_params')
    assert.equal(await open(`${target}&more=1`), '401 session_needed')
    const stale = await webSocketProof(user, '/ws', site.now() - 40)
    assert.equal(await open(stale), '401 sig_stale')
    assert.equal(await open(target), 'open hello')
  })

  it('is no proof of any other request', async () => {
    const target = await webSocketProof(user, '/ws', site.now())
    const answer = await site.ask('HTTP/1.1', { path: target })
    assert.equal(answer.fields['sessionkey-error'], 'session_needed')
    const before = seen.length
    for (const [method, protocol] of [
      ['DELETE', 'websocket'],
      ['GET', 'other'],
    ]) {
      const { answers } = await send({
        port: site.edge.plainPort,
        pieces: [
          `${method} ${target} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
        ],
        endAfter: 1,
        withinMs: 5000,
      })
      assert.equal(answers[0]?.status, 401, `${method} ${protocol}`)
    }
    assert.equal(seen.length, before)
  })

  it('is cut from any other request', async () => {
    const target = await webSocketProof(user, '/http?room=1', site.now())
    for (const version of VERSIONS) {
      const fields = await user.sign({ path: target })
      const answer = await site.ask(version, { path: target, fields })
      assert.equal(answer.status, 200)
      assert.equal(asked.at(-1), '/http?room=1', version)
    }
  })

  it('ends with its session, within a second', async () => {
    const other = await site.holder()
    const target = await webSocketProof(other, '/ws', site.now())
    const socket = new WebSocket(`ws://127.0.0.1:${site.edge.plainPort}${target}`, {
      headers: { host: HOST },
    })
    await once(socket, 'open')
    const closed = once(socket, 'close')
    const began = performance.now()
    revoke(other)
    await closed
    assert.ok(performance.now() - began < 1000)
  })
})

describe('a WebSocket with a proof in its fields', () => {
  it('opens, once', async () => {
    const fields = await user.sign({ path: '/ws' })
    assert.equal(await open('/ws', fields), 'open hello')
    assert.equal(await open('/ws', fields), '401 replay')
  })

  it('is refused without any', async () => {
    assert.equal(await open('/ws'), '401 session_needed')
  })
})
