/**
 * HTTP as a user expects it, through a real Limen to a real node:http server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import { after, before, describe, it } from 'node:test'
import WebSocket from 'ws'
import { freePorts } from '../free-ports.ts'
import {
  bigBody,
  type Echoed,
  type EdgeOrigin,
  GZIPPED,
  sha256,
  startEdgeOrigin,
} from './edge-origin.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'
import { bodyIn, connectOctets, converse } from './octet-client.ts'

const MB = 1_000_000
/** What a stalled 200 MB response may cost: buffers of the edge and of TLS, and a nursery of the heap that fills up. */
const RSS_GROWTH_MAX = 80 * MB

let limen: LimenUnderTest
let origin: EdgeOrigin
let tlsPort = 0
let plainPort = 0

before(async () => {
  origin = await startEdgeOrigin()
  ;[tlsPort = 0, plainPort = 0] = await freePorts(2)
  limen = await startLimen({
    listeners: [
      { name: 'web', address: `127.0.0.1:${tlsPort}`, tls: {} },
      { name: 'plain', address: `127.0.0.1:${plainPort}` },
    ],
    certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${origin.port}` }] }],
    routes: [{ pool: 'site' }],
  })
})

after(async () => {
  await limen?.clean()
  await origin?.close()
})

const get = (target: string, fields = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: site.test\r\n${fields}\r\n`
const last = 'Connection: close\r\n'
const echoed = (text: string): Echoed => JSON.parse(bodyIn(text)) as Echoed

interface H2Answer {
  readonly status: number
  readonly headers: http2.IncomingHttpHeaders
  readonly trailers: http2.IncomingHttpHeaders
  readonly interim: readonly number[]
  readonly body: Buffer
}

async function http2Session(): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`https://127.0.0.1:${tlsPort}`, { rejectUnauthorized: false })
  await once(session, 'connect')
  return session
}

function askHttp2(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Buffer,
): Promise<H2Answer> {
  const stream = session.request({ ':authority': 'site.test', ...headers })
  return new Promise((resolve, reject) => {
    let head: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {}
    let trailers: http2.IncomingHttpHeaders = {}
    const interim: number[] = []
    const pieces: Buffer[] = []
    stream.on('headers', (early) => interim.push(Number(early[':status'])))
    stream.on('response', (headers) => {
      head = headers
    })
    stream.on('trailers', (fields) => {
      trailers = fields
    })
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    stream.on('error', reject)
    stream.on('end', () => {
      const status = head[':status'] ?? 0
      resolve({ status, headers: head, trailers, interim, body: Buffer.concat(pieces) })
    })
    stream.end(body)
  })
}

describe('connections', () => {
  it('keeps the client connection and reuses the one to the upstream', async () => {
    const client = await connectOctets(plainPort)
    const peers = new Set<number>()
    for (let i = 1; i <= 5; i++) {
      client.write(get(`/echo?${i}`))
      const text = await client.read(new RegExp(`"url":"/echo\\?${i}".*"peerPort":\\d+}`))
      peers.add(echoed(text).peerPort)
    }
    client.close()
    assert.equal(peers.size, 1)
  })

  it('answers pipelined requests in order', async () => {
    const requests = Array.from({ length: 20 }, (_, i) => get(`/echo?n=${i}`, i === 19 ? last : ''))
    const text = await converse(plainPort, requests.join(''))
    const order = [...text.matchAll(/"url":"\/echo\?n=(\d+)"/g)].map(([, n]) => Number(n))
    assert.deepEqual(order, [...Array(20).keys()])
  })

  it('serves HTTP/1.0: closes, or keeps alive when asked, and never sends chunks', async () => {
    const closed = await converse(plainPort, 'GET /chunked HTTP/1.0\r\n\r\n')
    assert.match(closed, /^HTTP\/1\.1 200 /)
    assert.doesNotMatch(closed, /transfer-encoding/i)
    assert.equal(bodyIn(closed), 'one,two,three')
    const client = await connectOctets(plainPort)
    const keep = 'Host: site.test\r\nConnection: keep-alive\r\n\r\n'
    client.write(`GET /echo?1 HTTP/1.0\r\n${keep}`)
    assert.match(await client.read(/"url":"\/echo\?1"/), /connection: keep-alive/i)
    client.write(`GET /echo?2 HTTP/1.0\r\n${keep}`)
    await client.read(/"url":"\/echo\?2"/)
    client.close()
  })

  it('takes the absolute form, and the host in it counts', async () => {
    const target = 'http://absolute.test/echo?q=1'
    const text = await converse(
      plainPort,
      `GET ${target} HTTP/1.1\r\nHost: other.test\r\n${last}\r\n`,
    )
    assert.equal(echoed(text).url, '/echo?q=1')
    assert.deepEqual(echoed(text).headers['host'], ['absolute.test'])
  })
})

describe('bodies', () => {
  it('passes a chunked response with its trailer', async () => {
    const text = await converse(plainPort, get('/chunked', `TE: trailers\r\n${last}`))
    assert.match(text, /transfer-encoding: chunked/i)
    assert.match(text, /\r\n\r\n[\da-f]+\r\none,[\s\S]*three\r\n0\r\nx-sum: 13\r\n\r\n$/i)
  })

  it('passes a chunked request with its trailer', async () => {
    const head = `POST /echo HTTP/1.1\r\nHost: site.test\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n${last}\r\n`
    const text = await converse(
      plainPort,
      `${head}5\r\nhello\r\n7\r\n there!\r\n0\r\nX-Sum: 11\r\n\r\n`,
    )
    assert.match(text, /^HTTP\/1\.1 200 /)
    assert.equal(echoed(text).body, 'hello there!')
    assert.deepEqual(echoed(text).trailers, { 'x-sum': '11' })
  })

  it('passes a chunked response and its trailer to HTTP/2', async () => {
    const session = await http2Session()
    const { status, body, trailers } = await askHttp2(session, { ':path': '/chunked' })
    session.close()
    assert.equal(status, 200)
    assert.equal(body.toString(), 'one,two,three')
    assert.equal(trailers['x-sum'], '13')
  })

  it('frames a response that ends with the connection, and keeps the client connection', async () => {
    const client = await connectOctets(plainPort)
    client.write(get('/close'))
    const text = await client.read(/0\r\n\r\n$/)
    assert.match(text, /transfer-encoding: chunked/i)
    assert.match(text, /until /)
    assert.match(text, /the end/)
    client.write(get('/echo?after'))
    await client.read(/"url":"\/echo\?after"/)
    client.close()
  })

  it('answers HEAD, 204 and 304 without a body on a connection that goes on', async () => {
    const client = await connectOctets(plainPort)
    client.write('HEAD /echo HTTP/1.1\r\nHost: site.test\r\n\r\n')
    assert.match(await client.read(/\r\n\r\n/), /^HTTP\/1\.1 200 [\s\S]*content-length: [1-9]/i)
    for (const code of [204, 304]) {
      client.write(get(`/status?code=${code}`))
      await client.read(
        new RegExp(`HTTP/1\\.1 ${code} [\\s\\S]*etag: "x"[\\s\\S]*\\r\\n\\r\\n$`, 'i'),
      )
    }
    client.write(get('/echo?after'))
    const text = await client.read(/"url":"\/echo\?after"/)
    assert.equal(text.split('HTTP/1.1 ').length - 1, 4)
    assert.doesNotMatch(text.slice(0, text.lastIndexOf('HTTP/1.1 ')), /peerPort/)
    client.close()
  })

  it('says 100 Continue, once, and not to the upstream', async () => {
    const client = await connectOctets(plainPort)
    const fields = 'Content-Length: 5\r\nExpect: 100-continue\r\n'
    client.write(`POST /echo HTTP/1.1\r\nHost: site.test\r\n${fields}${last}\r\n`)
    assert.equal(await client.read(/\r\n\r\n/), 'HTTP/1.1 100 Continue\r\n\r\n')
    client.write('hello')
    const text = await client.readAll()
    assert.equal(text.split('100 Continue').length, 2)
    assert.equal(echoed(text).body, 'hello')
    assert.equal(echoed(text).headers['expect'], undefined)
  })

  it('passes early hints (103) over HTTP/1.1 and HTTP/2', async () => {
    const text = await converse(plainPort, get('/hints', last))
    assert.match(text, /^HTTP\/1\.1 103 [\s\S]*rel=preload[\s\S]*HTTP\/1\.1 200 [\s\S]*hinted$/)
    const session = await http2Session()
    const { interim, body } = await askHttp2(session, { ':path': '/hints' })
    session.close()
    assert.deepEqual(interim, [103])
    assert.equal(body.toString(), 'hinted')
  })

  it('leaves compressed content alone', async () => {
    const text = await converse(plainPort, get('/gzip', `Accept-Encoding: gzip\r\n${last}`))
    assert.match(text, /content-encoding: gzip/i)
    const { length } = GZIPPED
    assert.deepEqual(Buffer.from(text.slice(-length), 'latin1'), GZIPPED)
  })

  const SIZE = 10 * MB
  for (const kind of ['HTTP', 'HTTPS'] as const) {
    it(`carries 10 MB down and up over ${kind}, octet by octet`, async () => {
      const port = kind === 'HTTP' ? plainPort : tlsPort
      const secure = kind === 'HTTP' ? undefined : {}
      const down = await converse(port, get(`/big?bytes=${SIZE}`, last), secure)
      const received = Buffer.from(down.slice(down.indexOf('\r\n\r\n') + 4), 'latin1')
      assert.equal(received.length, SIZE)
      assert.equal(sha256(received), sha256(bigBody(SIZE)))
      const body = bigBody(SIZE)
      const client = await connectOctets(port, secure)
      client.write(
        `POST /upload HTTP/1.1\r\nHost: site.test\r\nContent-Length: ${SIZE}\r\n${last}\r\n`,
      )
      client.write(body)
      const up = await client.readAll()
      client.close()
      assert.ok(up.includes(`${SIZE} ${sha256(body)}`), up.slice(0, 300))
    })
  }

  it('carries 10 MB down and up over HTTP/2, octet by octet', async () => {
    const session = await http2Session()
    const body = bigBody(SIZE)
    const down = await askHttp2(session, { ':path': `/big?bytes=${SIZE}` })
    assert.equal(sha256(down.body), sha256(body))
    const up = await askHttp2(session, { ':path': '/upload', ':method': 'POST' }, body)
    assert.equal(up.body.toString(), `${SIZE} ${sha256(body)}`)
    session.close()
  })

  it('sends each event on before the next is sent', async () => {
    const client = await connectOctets(tlsPort, {})
    client.write(get('/events'))
    await client.read(/text\/event-stream[\s\S]*\r\n\r\n/)
    await until('the stream to be open', 5_000, () => origin.sendEvent('event 0'))
    for (let i = 1; i <= 10; i++) {
      await client.read(new RegExp(`data: event ${i - 1}\n`))
      assert.doesNotMatch(client.text(), new RegExp(`event ${i}\n`))
      origin.sendEvent(`event ${i}`)
    }
    await client.read(/data: event 10\n/)
    client.close()
  })
})

describe('a client that stops reading', () => {
  const rssOf = (pid: number): number => {
    const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kb) * 1024
  }

  for (const kind of ['HTTP', 'HTTPS', 'HTTP/2'] as const) {
    it(`holds up the upstream, not memory, over ${kind}`, async (t) => {
      const BYTES = 200 * MB
      const pids = (await limen.workers()).map(({ pid }) => pid)
      const before = pids.map(rssOf)
      const { close, taken } = await stall(kind, BYTES)
      let sent = -1
      let same = 0
      await until('the upstream to be held up', 15_000, async () => {
        await new Promise((resolve) => setTimeout(resolve, 100))
        same = origin.sent() === sent ? same + 1 : 0
        sent = origin.sent()
        return sent > 0 && same >= 4
      })
      // What the client had taken before it stopped says nothing.
      const held = sent - taken()
      const growth = pids.map((pid, i) => rssOf(pid) - (before[i] ?? 0))
      t.diagnostic(
        `the upstream got rid of ${(held / MB).toFixed(1)} MB, workers grew by ` +
          growth.map((bytes) => `${(bytes / MB).toFixed(1)} MB`).join(' and ') +
          ` from ${before.map((bytes) => `${(bytes / MB).toFixed(0)} MB`).join(' and ')}`,
      )
      close()
      // Of 200: what lies in the buffers of the system, which grow with the pauses of a busy machine (33 were seen).
      assert.ok(held < 50 * MB, `${held} octets`)
      for (const bytes of growth) assert.ok(bytes < RSS_GROWTH_MAX, `${bytes} octets`)
    })
  }

  /** A client that asks for much and stops reading. */
  async function stall(
    kind: 'HTTP' | 'HTTPS' | 'HTTP/2',
    bytes: number,
  ): Promise<{ close(): void; taken(): number }> {
    if (kind === 'HTTP/2') {
      const session = await http2Session()
      const stream = session.request({ ':authority': 'site.test', ':path': `/big?bytes=${bytes}` })
      stream.on('error', () => {})
      await once(stream, 'response')
      stream.pause()
      return { close: () => session.destroy(), taken: () => 0 }
    }
    const client = await connectOctets(
      kind === 'HTTP' ? plainPort : tlsPort,
      kind === 'HTTP' ? undefined : {},
    )
    client.write(get(`/big?bytes=${bytes}`))
    await client.read(/HTTP\/1\.1 200/)
    client.socket.pause()
    return { close: client.close, taken: () => client.text().length }
  }
})

describe('fields', () => {
  it('adds who the client is, exactly, and takes out what the client says about itself', async () => {
    const lies = [
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Proto: gopher',
      'X-Forwarded-Host: evil.test',
      'X-Forwarded-Port: 1',
      'X_Forwarded_For: 6.6.6.6',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'Limen-Tier: 1',
      'Limen-Decision: none',
      '',
    ].join('\r\n')
    const text = await converse(tlsPort, get('/echo', `${lies}${last}`), {
      servername: 'site.test',
    })
    const { headers } = echoed(text)
    assert.deepEqual(headers['via'], ['1.1 limen'])
    assert.deepEqual(headers['x-forwarded-for'], ['127.0.0.1'])
    assert.deepEqual(headers['x-forwarded-proto'], ['https'])
    assert.deepEqual(headers['x-forwarded-port'], [String(tlsPort)])
    assert.deepEqual(headers['x-forwarded-host'], ['site.test'])
    assert.deepEqual(headers['forwarded'], ['for=127.0.0.1;proto=https;host="site.test"'])
    assert.equal(headers['x_forwarded_for'], undefined)
    assert.equal(headers['x-real-ip'], undefined)
    assert.equal(headers['limen-tier']?.length, 1)
    assert.match(headers['limen-decision']?.[0] ?? '', /^[0-9A-Z]{26}$/)
    assert.match(headers['limen-ja4']?.[0] ?? '', /^t1[23]d/)
  })

  it('says the same over plain HTTP and HTTP/2, each as it is', async () => {
    const plain = echoed(await converse(plainPort, get('/echo', last))).headers
    assert.deepEqual(plain['x-forwarded-proto'], ['http'])
    assert.deepEqual(plain['forwarded'], ['for=127.0.0.1;proto=http;host="site.test"'])
    const session = await http2Session()
    const lies = { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6', 'limen-tier': '1' }
    const { body } = await askHttp2(session, { ':path': '/echo', ...lies })
    session.close()
    const { headers } = JSON.parse(body.toString()) as Echoed
    assert.deepEqual(headers['via'], ['2 limen'])
    assert.deepEqual(headers['x-forwarded-for'], ['127.0.0.1'])
    assert.deepEqual(headers['forwarded'], ['for=127.0.0.1;proto=https;host="site.test"'])
    assert.equal(headers['limen-tier']?.length, 1)
    assert.deepEqual(headers['host'], ['site.test'])
  })

  it('keeps hop-by-hop fields to the hop, in both directions', async () => {
    const fields =
      'X-Mine: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nX-End: 2\r\n'
    const request = get('/echo', `${fields}TE: trailers\r\nConnection: close, X-Mine\r\n`)
    const { headers } = echoed(await converse(plainPort, request))
    for (const name of ['x-mine', 'keep-alive', 'proxy-connection', 'te', 'connection']) {
      assert.equal(headers[name], undefined, name)
    }
    assert.deepEqual(headers['x-end'], ['2'])
    const client = await connectOctets(plainPort)
    client.write(get('/hop'))
    const text = await client.read(/hop$/)
    client.close()
    assert.doesNotMatch(text, /^(?:keep-alive|connection):/im)
    assert.match(text, /^x-kept: yes/im)
  })
})

describe('WebSocket', () => {
  for (const secure of [false, true]) {
    it(`echoes small and large messages both ways over ${secure ? 'wss' : 'ws'}, and closes cleanly`, async () => {
      const url = secure ? `wss://127.0.0.1:${tlsPort}/ws` : `ws://127.0.0.1:${plainPort}/ws`
      const socket = new WebSocket(url, { rejectUnauthorized: false })
      await once(socket, 'open')
      const messages = [
        Buffer.from('hello'),
        bigBody(1),
        bigBody(70_000),
        bigBody(3 * MB),
        Buffer.alloc(0),
      ]
      for (const message of messages) {
        socket.send(message)
        const [data] = (await once(socket, 'message')) as [Buffer]
        assert.equal(sha256(data), sha256(message))
      }
      const lengths: number[] = []
      socket.on('message', (data: Buffer) => lengths.push(data.length))
      for (const message of messages) socket.send(message)
      await until('all echoes', 5_000, () => lengths.length === messages.length)
      assert.deepEqual(
        lengths,
        messages.map(({ length }) => length),
      )
      socket.close(1000, 'done')
      const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
      assert.equal(code, 1000)
      assert.equal(reason.toString(), 'done')
    })
  }
})
