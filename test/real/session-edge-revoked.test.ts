/**
 * What goes on under a session when it is revoked, and what servers say of session keys, which is the edge's to say.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { until } from './fleet-under-test.ts'
import {
  HOST,
  type Holder,
  type SessionEdge,
  startSessionEdge,
  VERSIONS,
  type Version,
} from './session-edge-under-test.ts'

/** Paths that the server was asked for. */
const asked: string[] = []
const server = http.createServer((request, response) => {
  asked.push(request.url ?? '')
  if (request.url === '/stream') response.write('begun')
  else if (request.url === '/later') setTimeout(() => response.end('later'), 600)
  else {
    response.writeHead(200, { 'SessionKey-Error': 'expired', 'SessionKey-Rotate': 'by=1' })
    response.end('done')
  }
})

let site: SessionEdge
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  site = await startSessionEdge({
    origin: { port } as never,
    session: { replay: 'edge', bodyDigest: false, sealBodies: false, bearer: false },
  })
})
after(async () => {
  await site.close()
  server.closeAllConnections()
  server.close()
})

let revocations = 0
function revoke({ id }: Holder): void {
  const until = site.now() + 900
  const entry = { kind: 'revoke', session: id, generation: 2 ** 31, until } as const
  site.worker.hear([{ ...entry, seq: ++revocations }], false, site.now())
}

/** A request that is open: its body goes on until `end`, its answer comes in pieces. */
interface Open {
  /** Status and code of the answer's head. */
  readonly head: Promise<string>
  /** The edge has let it in, and waits for its body. */
  readonly isIn: Promise<unknown>
  /** When the answer ends, whole or not. */
  readonly over: Promise<'whole' | 'cut'>
  end(): void
}

function openHttp1(method: string, path: string, headers: http.OutgoingHttpHeaders): Open {
  const where = { host: '127.0.0.1', port: site.edge.plainPort, method, path, agent: false }
  const request = http.request({ ...where, headers: { host: HOST, ...headers } })
  const head = Promise.withResolvers<string>()
  const over = Promise.withResolvers<'whole' | 'cut'>()
  request.on('response', (response) => {
    head.resolve(`${response.statusCode} ${response.headers['sessionkey-error'] ?? ''}`)
    response.resume().on('close', () => over.resolve(response.complete ? 'whole' : 'cut'))
    response.on('error', () => {})
  })
  request.on('error', (error) => head.resolve(String(error)))
  request.flushHeaders()
  const isIn = once(request, 'continue')
  isIn.catch(() => {})
  return { head: head.promise, isIn, over: over.promise, end: () => request.end() }
}

function openHttp2(method: string, path: string, headers: http2.OutgoingHttpHeaders): Open {
  const url = `https://localhost:${site.edge.tlsPort}`
  const session = http2.connect(url, { rejectUnauthorized: false }).on('error', () => {})
  const pseudo = { ':method': method, ':path': path, ':authority': HOST }
  const stream = session.request({ ...pseudo, ...headers }, { endStream: false })
  const head = Promise.withResolvers<string>()
  const over = Promise.withResolvers<'whole' | 'cut'>()
  stream.on('response', (fields) => {
    head.resolve(`${fields[':status']} ${fields['sessionkey-error'] ?? ''}`)
  })
  stream.resume().on('error', () => {})
  stream.on('close', () => {
    over.resolve(stream.rstCode === 0 ? 'whole' : 'cut')
    session.destroy()
  })
  const isIn = once(stream, 'continue')
  isIn.catch(() => {})
  return { head: head.promise, isIn, over: over.promise, end: () => stream.end() }
}

const open = (version: Version, ...args: Parameters<typeof openHttp1>): Open =>
  version === 'HTTP/1.1' ? openHttp1(...args) : openHttp2(...args)

async function atServer(path: string): Promise<void> {
  await until(`${path} at the server`, 10_000, () => asked.includes(path))
}

for (const version of VERSIONS) {
  describe(`a session that is revoked, over ${version}`, () => {
    it('gets no more of an answer that goes on', async () => {
      const holder = await site.holder()
      const stream = open(version, 'GET', '/stream', await holder.sign({ path: '/stream' }))
      stream.end()
      assert.equal(await stream.head, '200 ')
      const began = performance.now()
      revoke(holder)
      assert.equal(await stream.over, 'cut')
      assert.ok(performance.now() - began < 1000)
    })

    it('has no request made whose body had not come', async () => {
      const holder = await site.holder()
      const fields = await holder.sign({ method: 'POST', path: '/body' })
      const expects = { 'content-length': '5', expect: '100-continue' }
      const post = open(version, 'POST', '/body', { ...fields, ...expects })
      await post.isIn
      revoke(holder)
      assert.equal(await post.head, '401 revoked')
      assert.ok(!asked.includes('/body'))
    })

    it('hears the answer to what the server had already', async () => {
      asked.length = 0
      const holder = await site.holder()
      const later = open(version, 'GET', '/later', await holder.sign({ path: '/later' }))
      later.end()
      await atServer('/later')
      revoke(holder)
      assert.equal(await later.head, '200 ')
      assert.equal(await later.over, 'whole')
    })

    it('leaves other sessions alone', async () => {
      const [holder, other] = [await site.holder(), await site.holder()]
      const stream = open(version, 'GET', '/stream', await other.sign({ path: '/stream' }))
      stream.end()
      await stream.head
      revoke(holder)
      const first = await Promise.race([
        stream.over,
        new Promise((resolve) => setTimeout(() => resolve('goes on'), 700)),
      ])
      assert.equal(first, 'goes on')
      revoke(other)
      await stream.over
    })
  })

  it(`what a server says of session keys is not passed on, over ${version}`, async () => {
    const holder = await site.holder()
    const answer = await site.askAs(holder, version, { path: '/any' })
    assert.equal(answer.body, 'done')
    assert.equal(answer.fields['sessionkey-error'], undefined)
    assert.equal(answer.fields['sessionkey-rotate'], undefined)
  })
}
