/**
 * Load reports in answers, at one edge: read in whatever answer they come, and in none that a client gets; where a pool does not
 * ask for them they are fields like any other.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { SaidByServer } from '../../src/ports/said-load.ts'
import type { EdgeOrigin } from './edge-origin.ts'
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { connectOctets, converse } from './octet-client.ts'
import { startSessionEdge, VERSIONS } from './session-edge-under-test.ts'

const LOAD = 'eNDPOINT-lOAD-mETRICS: TEXT cpu_utilization=0.5\r\n'
/** cpu_utilization 0.5. */
const BINARY = 'Endpoint-Load-Metrics-Bin: CQAAAAAAAOA/\r\n'
const ANSWERS: Readonly<Record<string, string>> = {
  '/plain': `HTTP/1.1 200 OK\r\nA: 1\r\n${LOAD}Content-Length: 2\r\nB: 2\r\n\r\nok`,
  '/binary': `HTTP/1.1 200 OK\r\n${BINARY}Content-Length: 2\r\n\r\nok`,
  '/chunked': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${LOAD}B: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  '/empty': `HTTP/1.1 204 No Content\r\n${LOAD}\r\n`,
  '/failed': `HTTP/1.1 503 Busy\r\n${LOAD}Content-Length: 2\r\n\r\nok`,
  '/hints': `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n${LOAD}\r\nHTTP/1.1 200 OK\r\n${LOAD}Content-Length: 2\r\n\r\nok`,
  '/upgrade': `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n${LOAD}Connection: Upgrade\r\nX: 1\r\n\r\n`,
  '/both': `HTTP/1.1 200 OK\r\n${LOAD}Connection: close\r\n${BINARY}Content-Length: 2\r\n\r\nok`,
  '/none': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
}

const origin = net.createServer((socket) => {
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (more) => {
    text += more.toString('latin1')
    for (;;) {
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      const path = text.split(' ')[1] ?? ''
      text = text.slice(end + 4)
      socket.write(ANSWERS[path] ?? '')
    }
  })
})
let upstreamPort = 0
let edge: EdgeUnderTest

before(async () => {
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  upstreamPort = (origin.address() as AddressInfo).port
})
beforeEach(async () => {
  edge?.close()
  edge = await startEdge({ upstreamPorts: [upstreamPort], pool: { readsLoad: true } })
})
after(() => {
  edge?.close()
  origin.close()
})

const heard = (): SaidByServer | undefined => edge.edge.servers()[0]?.load
const request = (path: string, version = '1.1', more = '') =>
  `GET ${path} HTTP/${version}\r\nHost: a.test\r\nConnection: close\r\n${more}\r\n`

describe('a load report', () => {
  for (const path of ['/plain', '/binary', '/chunked', '/empty', '/failed']) {
    for (const version of ['1.1', '1.0']) {
      it(`is heard in ${path}, and not passed on by HTTP/${version}`, async () => {
        const soFar = Date.now()
        const text = await converse(edge.plainPort, request(path, version))
        assert.match(text, /^HTTP\/1\.1 [25]\d\d /)
        assert.doesNotMatch(text, /endpoint-load/i)
        const load = heard()
        assert.equal(load?.cpu, 0.5)
        // The edge's clock for this goes by its sweep, four times a second.
        assert.ok(Math.abs((load?.at ?? 0) - soFar) < 2000, `${load?.at}`)
      })
    }
  }

  it('leaves the other fields as they were', async () => {
    const text = await converse(edge.plainPort, request('/plain'))
    assert.match(text, /\r\nA: 1\r\nContent-Length: 2\r\nB: 2\r\n\r\nok$/)
  })

  it('is not passed on before the answer either', async () => {
    const text = await converse(edge.plainPort, request('/hints'))
    assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    assert.doesNotMatch(text, /endpoint-load/i)
    assert.equal(heard()?.cpu, 0.5)
  })

  it('nor with the answer to an upgrade', async () => {
    const client = await connectOctets(edge.plainPort)
    client.write(
      'GET /upgrade HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
    const text = await client.read(/\r\n\r\n/)
    client.close()
    assert.equal(
      text,
      'HTTP/1.1 101 Switching Protocols\r\nX: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
  })

  it('that comes twice is none', async () => {
    const text = await converse(edge.plainPort, request('/both'))
    assert.match(text, /^HTTP\/1\.1 200 /)
    assert.doesNotMatch(text, /endpoint-load/i)
    assert.equal(heard(), undefined)
  })

  it('is not forgotten by an answer without one', async () => {
    await converse(edge.plainPort, request('/plain'))
    await converse(edge.plainPort, request('/none'))
    assert.equal(heard()?.cpu, 0.5)
  })

  it('does not reach a client of HTTP/2, nor one whose bodies are sealed', async () => {
    const session = http2.connect(`https://127.0.0.1:${edge.tlsPort}`, {
      rejectUnauthorized: false,
    })
    for (const path of ['/plain', '/binary', '/chunked', '/empty', '/hints']) {
      const stream = session.request({ ':path': path })
      const names: string[] = []
      stream.on('headers', (fields) => names.push(...Object.keys(fields)))
      const [fields] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
      names.push(...Object.keys(fields))
      assert.ok(names.includes(':status'))
      assert.deepEqual(
        names.filter((name) => name.startsWith('endpoint-load')),
        [],
        path,
      )
      stream.resume()
      await once(stream, 'end')
    }
    session.close()
    const terms = { replay: 'edge', bodyDigest: true, sealBodies: true, bearer: false } as const
    const place = { port: upstreamPort } as EdgeOrigin
    const site = await startSessionEdge({
      session: terms,
      origin: place,
      pool: { readsLoad: true },
    })
    try {
      const user = await site.holder()
      for (const version of VERSIONS) {
        for (const path of ['/plain', '/chunked']) {
          const { status, fields } = await site.askAs(user, version, { path })
          assert.equal(status, 200)
          assert.equal(fields['content-encoding'], 'aes128gcm')
          assert.deepEqual(
            Object.keys(fields).filter((name) => /^endpoint-load/i.test(name)),
            [],
          )
        }
      }
      assert.equal(site.edge.edge.servers()[0]?.load?.cpu, 0.5)
    } finally {
      await site.close()
    }
  })

  it('is a field like any other where nobody asks for it, also over connections made before', async () => {
    const { settings } = edge
    await converse(edge.plainPort, request('/plain'))
    const pools = settings.pools.map((pool) => ({ ...pool, readsLoad: false }))
    await edge.edge.apply({ ...settings, pools })
    assert.match(
      await converse(edge.plainPort, request('/plain')),
      /\r\neNDPOINT-lOAD-mETRICS: TEXT /,
    )
    await edge.edge.apply(settings)
    assert.doesNotMatch(await converse(edge.plainPort, request('/plain')), /endpoint-load/i)
  })
})

it('times to first byte are counted by server, those of failures are not', async () => {
  const count = () =>
    edge.edge.servers()[0]?.latencyCounts.reduce((sum, one) => sum + one, 0) ?? Number.NaN
  assert.equal(count(), 0)
  for (let i = 0; i < 5; i++) await converse(edge.plainPort, request('/none'))
  await converse(edge.plainPort, request('/failed'))
  assert.equal(count(), 5)
  assert.equal(edge.edge.servers()[0]?.failures, 1)
})
