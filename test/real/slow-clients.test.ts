import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { accessSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { writeProxyHeader } from '../../src/wire/proxy-v2.ts'
import { capturedHello } from '../fixtures/hello-bytes.ts'
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { asking, Http2Peer } from './http2-peer.ts'
import { send } from './raw-client.ts'

/** From the package of that name; without it nothing is proven here, so its absence is a failure. */
const SLOWHTTPTEST = '/usr/bin/slowhttptest'
const SLOW_CONNECTIONS = 1000
/** Of the other client, while 1000 are slow on two cores shared with them. */
const LATENCY_MS_MAX = 1500
const EVERY_MS = 50
const CASE_MS = 8000

let upstream: http.Server
let under: EdgeUnderTest

before(async () => {
  accessSync(SLOWHTTPTEST)
  const page = Buffer.alloc(200_000, 'x')
  upstream = http.createServer((request, response) => {
    request.resume()
    request.on('end', () => response.end(request.url === '/page' ? page : 'ok'))
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  under = await startEdge({
    upstreamPorts: [(upstream.address() as AddressInfo).port],
    timeouts: {
      helloMs: 2000,
      helloChunkMs: 1500,
      headMs: 2000,
      bodyMs: 2000,
      bodyBytesPerSecondMin: 500,
      readMs: 2000,
      readBytesPerSecondMin: 1_000_000,
    },
  })
})
after(() => {
  under.close()
  upstream.closeAllConnections()
  upstream.close()
})

interface Watch {
  readonly requests: number
  readonly failed: number
  readonly slowestMs: number
  /** Most that were seen at once. */
  readonly upstreamsHeld: number
  readonly clients: number
}

/** Asks as somebody else every 50 ms, on a new connection each, until `over`. */
async function watchOthers(over: Promise<unknown>): Promise<Watch> {
  const watch = { requests: 0, failed: 0, slowestMs: 0, upstreamsHeld: 0, clients: 0 }
  const running: Promise<void>[] = []
  let isOver = false
  void over.then(() => {
    isOver = true
  })
  const ask = async () => {
    const startedAt = performance.now()
    watch.requests++
    const { answers } = await send({
      port: under.plainPort,
      pieces: ['GET /ok HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'],
      endAfter: 1,
      withinMs: CASE_MS,
    })
    if (answers[0]?.body !== 'ok' && answers[0]?.whole !== true) watch.failed++
    watch.slowestMs = Math.max(watch.slowestMs, performance.now() - startedAt)
  }
  while (!isOver) {
    running.push(ask())
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    watch.upstreamsHeld = Math.max(watch.upstreamsHeld, under.edge.servers()[0]?.inFlight ?? 0)
    watch.clients = Math.max(watch.clients, under.edge.meter.connectionsOpen)
  }
  await Promise.all(running)
  return watch
}

function assertServed(watch: Watch): void {
  assert.ok(watch.requests > 20, `${watch.requests} requests`)
  assert.equal(
    watch.failed,
    0,
    `${watch.failed} of ${watch.requests} requests of another client failed`,
  )
  assert.ok(watch.slowestMs < LATENCY_MS_MAX, `the slowest took ${Math.round(watch.slowestMs)} ms`)
}

async function assertAllGone(withinMs = CASE_MS): Promise<void> {
  const until = Date.now() + withinMs
  while (under.edge.meter.connectionsOpen > 0) {
    assert.ok(Date.now() < until, `${under.edge.meter.connectionsOpen} are still connected`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.equal(under.edge.servers()[0]?.inFlight, 0)
}

const refused = (code: string): number => under.edge.meter.refusals.get(code) ?? 0

/** Runs slowhttptest; resolves with what it printed. */
async function slowhttptest(...args: readonly string[]): Promise<string> {
  const child = spawn(SLOWHTTPTEST, [
    '-c',
    String(SLOW_CONNECTIONS),
    '-r',
    '500',
    '-p',
    '3',
    ...args,
  ])
  let printed = ''
  child.stdout.on('data', (chunk) => {
    printed += chunk
  })
  child.stderr.on('data', (chunk) => {
    printed += chunk
  })
  await new Promise((resolve) => child.on('close', resolve))
  return printed.replaceAll('\u001b', '')
}

/** Many connections that do as `begin` says, then nothing; ended with the test. */
async function crowd(
  count: number,
  port: number,
  begin: (socket: net.Socket) => void,
): Promise<() => void> {
  const sockets = Array.from({ length: count }, () => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.resume()
    socket.once('connect', () => begin(socket))
    return socket
  })
  return () => {
    for (const socket of sockets) socket.destroy()
  }
}

describe(`${SLOW_CONNECTIONS} slow clients, by slowhttptest`, () => {
  it('of headers are dropped by the limit on the whole head, and hold no upstream', async () => {
    const before = refused('head-timeout')
    const run = slowhttptest(
      '-H',
      '-i',
      '1',
      '-l',
      '8',
      '-u',
      `http://127.0.0.1:${under.plainPort}/ok`,
    )
    const watch = await watchOthers(run)
    assert.match(await run, /slow headers/i)
    assertServed(watch)
    assert.ok(watch.clients > SLOW_CONNECTIONS / 2, `${watch.clients} clients at once`)
    assert.ok(watch.upstreamsHeld < 20, `${watch.upstreamsHeld} upstream connections held`)
    const dropped = refused('head-timeout') - before
    assert.ok(dropped > SLOW_CONNECTIONS / 2, `${dropped} dropped`)
    await assertAllGone()
  })

  it('of bodies are dropped by the limit on the whole body, and hold no upstream', async () => {
    const before = refused('body-timeout')
    const run = slowhttptest(
      '-B',
      '-i',
      '1',
      '-l',
      '8',
      '-s',
      '8192',
      '-x',
      '10',
      '-u',
      `http://127.0.0.1:${under.plainPort}/ok`,
    )
    const watch = await watchOthers(run)
    assert.match(await run, /slow body/i)
    assertServed(watch)
    assert.ok(watch.clients > SLOW_CONNECTIONS / 2, `${watch.clients} clients at once`)
    assert.ok(watch.upstreamsHeld < 20, `${watch.upstreamsHeld} upstream connections held`)
    assert.ok(refused('body-timeout') - before > SLOW_CONNECTIONS / 2)
    await assertAllGone()
  })

  it('of answers that fit the buffer hold no upstream while they read', async () => {
    const run = slowhttptest(
      '-X',
      '-w',
      '10',
      '-y',
      '20',
      '-n',
      '1',
      '-z',
      '5',
      '-k',
      '1',
      '-l',
      '8',
      '-u',
      `http://127.0.0.1:${under.plainPort}/page`,
    )
    const watch = await watchOthers(run)
    assert.match(await run, /slow read/i)
    assertServed(watch)
    assert.ok(watch.upstreamsHeld < 100, `${watch.upstreamsHeld} upstream connections held`)
    await assertAllGone()
  })
})

describe('slow clients of our own', () => {
  it('500 that send a ClientHello by the octet are dropped by the limit on the whole hello', async () => {
    const hello = capturedHello('curl-openssl-001')
    const before = refused('hello-timeout')
    const leave = await crowd(500, under.tlsPort, (socket) => {
      let at = 0
      const timer = setInterval(() => {
        if (socket.destroyed || at >= hello.length) clearInterval(timer)
        else socket.write(hello.subarray(at, ++at))
      }, 1000)
      socket.on('close', () => clearInterval(timer))
    })
    const watch = await watchOthers(new Promise((resolve) => setTimeout(resolve, 4000)))
    assertServed(watch)
    assert.ok(watch.clients > 400)
    assert.equal(refused('hello-timeout') - before, 500)
    await assertAllGone()
    leave()
  })

  it('500 that say nothing at all are dropped, on each kind of port', async () => {
    const ports = [under.tlsPort, under.plainPort, under.proxyPort]
    const leaves = await Promise.all(
      ports.map((port) => crowd(port === under.tlsPort ? 500 : 100, port, () => {})),
    )
    const watch = await watchOthers(new Promise((resolve) => setTimeout(resolve, 3500)))
    assertServed(watch)
    assert.ok(watch.clients > 600)
    await assertAllGone()
    for (const leave of leaves) leave()
  })

  it('100 that send a chunked body by the octet hold no upstream', async () => {
    const leave = await crowd(100, under.plainPort, (socket) => {
      socket.write('POST /ok HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n')
      const timer = setInterval(() => {
        if (socket.destroyed) clearInterval(timer)
        else socket.write('1\r\nx\r\n')
      }, 200)
      socket.on('close', () => clearInterval(timer))
    })
    const watch = await watchOthers(new Promise((resolve) => setTimeout(resolve, 3500)))
    assertServed(watch)
    assert.ok(watch.upstreamsHeld < 10, `${watch.upstreamsHeld} held`)
    await assertAllGone()
    leave()
  })
})

describe('what is not a ClientHello', () => {
  it('HTTP on the TLS port is told so in plain text: 400', async () => {
    const { answers, closed } = await send({
      port: under.tlsPort,
      pieces: ['GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'],
      withinMs: CASE_MS,
    })
    assert.equal(answers[0]?.status, 400)
    assert.match(answers[0]?.body ?? '', /plain-on-tls/)
    assert.equal(closed, true)
  })
  const garbage: readonly (readonly [string, string])[] = [
    ['a record that is too long', '\x16\x03\x01\xff\xff\x01'],
    ['a record of another type', '\x17\x03\x03\x00\x05hello'],
    ['an empty record', '\x16\x03\x01\x00\x00'],
    ['a message of another type', '\x16\x03\x01\x00\x04\x02\x00\x00\x00'],
    ['zeros', '\0'.repeat(100)],
    ['SSH', '\x00\x00\x00SSH-2.0-x\r\n'],
  ]
  for (const [name, octets] of garbage) {
    it(`${name}: a TLS alert`, async () => {
      const { rest, closed } = await send({
        port: under.tlsPort,
        pieces: [octets],
        withinMs: CASE_MS,
      })
      assert.equal(rest.slice(0, 6), '\x15\x03\x03\x00\x02\x02')
      assert.equal(rest.length, 7)
      assert.equal(closed, true)
    })
  }
  it('random octets, 300 times: never a crash, never a hang', async () => {
    let state = 12_345
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state >>> 16
    }
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, (_, n) => {
          const text = String.fromCharCode(
            ...Array.from({ length: 1 + (random() % 300) }, () => random() & 255),
          )
          const port = [under.tlsPort, under.plainPort, under.proxyPort][n % 3] ?? 0
          return send({
            port,
            pieces: [n % 2 === 0 ? text : `\x16\x03\x01\x00${text}`],
            endAfter: 0,
            withinMs: CASE_MS,
          })
        }),
      )
      assert.equal(
        outcomes.some(({ hung }) => hung),
        false,
      )
    }
    const peer = await Http2Peer.connect(under.tlsPort)
    const id = peer.request(asking('/ok'))
    await peer.over(id, CASE_MS)
    assert.equal(peer.result(id), '200')
    peer.close()
  })
})

describe('where a PROXY header is required', () => {
  const GET = 'GET /ok HTTP/1.1\r\nHost: a.test\r\n\r\n'
  const header = Buffer.from(
    writeProxyHeader({ address: '192.0.2.7', port: 7 }, { address: '192.0.2.1', port: 443 }, []),
  ).toString('latin1')
  const ask = (...pieces: readonly string[]) =>
    send({ port: under.proxyPort, pieces, endAfter: 1, withinMs: CASE_MS })

  it('one in front of a request is read, in one piece with it', async () => {
    assert.equal((await ask(header + GET)).answers[0]?.body, 'ok')
  })
  it('or in pieces', async () => {
    assert.equal((await ask(header, GET)).answers[0]?.body, 'ok')
    assert.equal((await ask(...header, GET)).answers[0]?.body, 'ok')
    assert.equal(
      (await ask(header.slice(0, 20), header.slice(20) + GET.slice(0, 10), GET.slice(10)))
        .answers[0]?.body,
      'ok',
    )
  })
  for (const [name, octets] of [
    ['without one', GET],
    ['with version 1', `PROXY TCP4 192.0.2.7 192.0.2.1 7 443\r\n${GET}`],
    ['with a wrong signature', `${header.replace('Q', 'q')}${GET}`],
    ['with a version it does not have', `${header.slice(0, 12)}\x31${header.slice(13)}${GET}`],
    ['with a length it does not have', `${header.slice(0, 14)}\xff\xff${GET}`],
  ] as const) {
    it(`a connection ${name} is closed without a word`, async () => {
      const { answers, rest, hung } = await send({
        port: under.proxyPort,
        pieces: [octets],
        withinMs: CASE_MS,
      })
      assert.deepEqual([answers, rest, hung], [[], '', false])
    })
  }
})
