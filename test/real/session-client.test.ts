/**
 * `limen/client` against a live `limen up`: sessions opened, proven, rotated and begun again through the edge, with clocks
 * that are wrong, redirects, bodies, WebSockets, and an identity key that is not the one that was pinned.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { type Dispatcher, request } from 'undici'
import WebSocket from 'ws'
import { sessionDispatcher } from '../../src/apps/client/session-dispatcher.ts'
import {
  memoryStore,
  type SessionClient,
  sessionFetch,
} from '../../src/apps/client/session-fetch.ts'
import type { KeysView } from '../../src/apps/server/key-server/key-views.ts'
import { freePorts } from '../free-ports.ts'
import { type Echoed, type EdgeOrigin, GZIPPED, startEdgeOrigin } from './edge-origin.ts'
import { type LimenUnderTest, startLimen } from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')

let site: EdgeOrigin
let elsewhere: Server
let limen: LimenUnderTest
let origin = ''
let ca = ''
let identity = ''

before(async () => {
  site = await startEdgeOrigin()
  elsewhere = createServer((request, response) => {
    response.end(JSON.stringify(request.headers))
  }).listen(0, '127.0.0.1')
  const [port = 0] = await freePorts(1)
  origin = `https://localhost:${port}`
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
    routes: [
      { pool: 'site', path: '/open' },
      { pool: 'site', sessionKey: 'required' },
    ],
    sessions: { enabled: true },
  })
  ca = readFileSync(join(limen.folder, 'data/local-ca/ca.pem'), 'utf8')
  identity = (await read<KeysView>('/v1/keys')).identity
})
after(async () => {
  await limen.clean()
  await site.close()
  elsewhere.close()
})

const read = async <T>(path: string): Promise<T> =>
  (await (await fetch(`${limen.adminUrl}${path}`)).json()) as T
const command = async (...args: string[]): Promise<string> => {
  const env = { ...process.env, LIMEN_TOKEN_FILE: join(limen.folder, 'data/admin-token') }
  const whole = [...args, '-c', join(limen.folder, 'limen.yaml')]
  return (await promisify(execFile)(LIMEN, whole, { env })).stdout
}
const client = (more: Partial<Parameters<typeof sessionFetch>[0]> = {}): SessionClient =>
  sessionFetch({ origin, ca, authorityKey: identity, ...more })
const echoed = async (response: Response): Promise<Echoed> => {
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Echoed
}
const idOf = async (store: ReturnType<typeof memoryStore>): Promise<string> => {
  const { session } = await store.read()
  return Buffer.from(session?.sessionId ?? '').toString('base64url')
}

describe('sessionFetch()', () => {
  it('opens a session by itself and proves each request', async () => {
    const shop = client()
    const first = await echoed(await shop('/echo?a=1&b=%20'))
    assert.equal(first.url, '/echo?a=1&b=%20')
    assert.equal(first.headers['sessionkey'], undefined, 'the proof stays at the edge')
    assert.ok(first.headers['limen-assertion'], 'the server is told who asks')
    await Promise.all(Array.from({ length: 20 }, async (_, i) => echoed(await shop(`/echo?${i}`))))
    await shop.end()
  })

  it('opens one session for requests that come at once', async () => {
    const store = memoryStore()
    const shop = client({ store })
    const before = await read<readonly unknown[]>('/v1/sessions?limit=500')
    await Promise.all(Array.from({ length: 10 }, async () => echoed(await shop('/echo'))))
    const after = await read<readonly unknown[]>('/v1/sessions?limit=500')
    assert.equal(after.length - before.length, 1)
    await shop.end()
  })

  it('covers bodies by a digest', async () => {
    const shop = client()
    const text = await echoed(await shop('/echo', { method: 'POST', body: 'amount=5' }))
    assert.equal(text.body, 'amount=5')
    const hash = createHash('sha256').update('amount=5').digest('base64')
    assert.deepEqual(text.headers['content-digest'], [`sha-256=:${hash}:`])
    const form = new FormData()
    form.set('file', new Blob(['x'.repeat(1000)]), 'x.txt')
    const sent = await echoed(await shop('/echo', { method: 'POST', body: form }))
    assert.match(sent.headers['content-type']?.[0] ?? '', /^multipart\/form-data; boundary=/)
    const empty = await echoed(await shop('/echo', { method: 'POST' }))
    assert.equal(empty.headers['content-digest'], undefined)
    await shop.end()
  })

  it('rotates, and goes on', async () => {
    const shop = client()
    assert.equal(await shop.rotate(), 2)
    await echoed(await shop('/echo'))
    assert.equal(await shop.rotate(), 3)
    await echoed(await shop('/echo', { method: 'POST', body: 'x' }))
    await shop.end()
  })

  it('loses no request while it rotates', async (t) => {
    const shop = client()
    let count = 0
    let rotating = true
    const asking = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (rotating) {
          await echoed(await shop('/echo', { method: count % 2 === 0 ? 'GET' : 'PUT' }))
          count++
        }
      }),
    )
    for (let i = 0; i < 20; i++) await shop.rotate()
    rotating = false
    await asking
    t.diagnostic(`${count} requests during 20 rotations`)
    assert.ok(count > 20)
    await shop.end()
  })

  it('begins again when its session was revoked', async () => {
    const store = memoryStore()
    const shop = client({ store })
    await echoed(await shop('/echo'))
    const id = await idOf(store)
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await command('sessions', 'revoke', id)
    await echoed(await shop('/echo', { method: 'POST', body: 'once more' }))
    assert.notEqual(await idOf(store), id)
    await shop.end()
  })

  it('begins again when all sessions of its group were ended', async () => {
    const store = memoryStore()
    const shop = client({ store })
    await echoed(await shop('/echo'))
    const id = await idOf(store)
    await command('keys', 'revoke', '1')
    await echoed(await shop('/echo'))
    assert.notEqual(await idOf(store), id)
    await shop.end()
  })

  it('follows redirects, each step signed anew', async () => {
    const shop = client()
    const moved = async (code: number, method: string, to = '/echo?there') => {
      const path = `/redirect?code=${code}&to=${encodeURIComponent(to)}`
      const body = method === 'POST' ? { body: 'form' } : {}
      return await echoed(await shop(path, { method, ...body }))
    }
    assert.deepEqual(pick(await moved(302, 'GET')), ['GET', '/echo?there', ''])
    assert.deepEqual(pick(await moved(303, 'POST')), ['GET', '/echo?there', ''])
    assert.deepEqual(pick(await moved(308, 'POST')), ['POST', '/echo?there', 'form'])
    await shop.end()
  })

  it('tells other origins nothing', async () => {
    const shop = client()
    const { port } = elsewhere.address() as AddressInfo
    const there = `http://127.0.0.1:${port}/`
    for (const path of [there, `/redirect?code=302&to=${encodeURIComponent(there)}`]) {
      const got = (await (await shop(path)).json()) as Record<string, string>
      const names = Object.keys(got).filter((name) => /session|signature|limen/.test(name))
      assert.deepEqual([got['host'], names], [`127.0.0.1:${port}`, []])
    }
    await shop.end()
  })

  it('makes a WebSocket that is good once', async () => {
    const shop = client()
    const url = await shop.webSocketUrl('/ws?room=1')
    const open = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url, { ca })
        socket.on('open', () => socket.send('hello'))
        socket.on('message', (data) => {
          resolve(String(data))
          socket.close()
        })
        socket.on('error', reject)
      })
    assert.equal(await open(), 'hello')
    await assert.rejects(open(), /401/)
    await shop.end()
  })

  it('takes the identity key on first use, and then no other', async () => {
    const store = memoryStore()
    const shop = client({ store, authorityKey: undefined as unknown as string })
    await echoed(await shop('/echo'))
    assert.equal((await store.read()).authorityKey, identity)
    await shop.end()
  })

  it('opens no session with a site that is not the one that was pinned', async () => {
    const other = Buffer.alloc(32, 7).toString('base64')
    const shop = client({ authorityKey: other })
    await assert.rejects(shop('/echo'), { name: 'SessionError', code: 'authority_changed' })
    await shop.end()
  })

  it('learns what time it is', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 3_600_000 })
    const shop = client()
    await echoed(await shop('/echo'))
    t.mock.timers.setTime(Date.now() + 60_000)
    assert.equal((await echoed(await shop('/echo', { method: 'POST', body: 'x' }))).body, 'x')
    t.mock.timers.setTime(Date.now() + 7_200_000)
    await echoed(await shop('/echo'))
    await shop.end()
  })
})

describe('sessionDispatcher()', () => {
  let shop: SessionClient
  let dispatcher: Dispatcher
  before(() => {
    shop = client()
    dispatcher = sessionDispatcher(shop)
  })
  after(() => shop.end())
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path, origin), { ...init, dispatcher } as object)

  it("serves Node's own fetch: bodies, redirects, what is compressed", async () => {
    assert.deepEqual(pick(await echoed(await ask('/echo?a=1'))), ['GET', '/echo?a=1', ''])
    const body = new Blob(['so ', 'it is']).stream()
    const sent = { method: 'POST', body, duplex: 'half', headers: { 'x-more': 'yes' } }
    const got = await echoed(await ask('/echo', sent as RequestInit))
    assert.deepEqual(pick(got), ['POST', '/echo', 'so it is'])
    assert.deepEqual(got.headers['x-more'], ['yes'])
    assert.ok(got.headers['limen-assertion'], 'under the session')
    const redirected = await ask(`/redirect?code=302&to=${encodeURIComponent('/echo?b=2')}`)
    assert.deepEqual(pick(await echoed(redirected)), ['GET', '/echo?b=2', ''])
    assert.ok(redirected.redirected)
    assert.equal(await (await ask('/gzip')).text(), gunzipSync(GZIPPED).toString())
  })

  it('serves undici.request, as fast as it is read', async () => {
    const { statusCode, body } = await request(new URL('/big?bytes=5000000', origin), {
      dispatcher,
    })
    assert.equal(statusCode, 200)
    let bytes = 0
    for await (const piece of body) {
      bytes += (piece as Buffer).length
      if (bytes < 200_000) await wait(5)
    }
    assert.equal(bytes, 5_000_000)
  })

  it('gives up when told to, and says what went wrong', async () => {
    await assert.rejects(ask('/echo', { signal: AbortSignal.abort(new Error('enough')) }), /enough/)
    const controller = new AbortController()
    const slow = await ask('/big?bytes=50000000', { signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(slow.arrayBuffer(), /enough/)
    const pinned = client({ authorityKey: Buffer.alloc(32, 7).toString('base64') })
    const refused = fetch(`${origin}/echo`, {
      dispatcher: sessionDispatcher(pinned),
    } as object)
    await assert.rejects(refused, ({ cause }: Error) => {
      assert.equal((cause as { code?: string }).code, 'authority_changed')
      return true
    })
    await pinned.end()
  })
})

const pick = ({ method, url, body }: Echoed): readonly string[] => [method, url, body]
