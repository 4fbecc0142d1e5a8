/**
 * SIGTERM while clients are served: what has begun is finished, everybody is told, nobody is cut off.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import tls from 'node:tls'
import { freePorts } from '../free-ports.ts'
import {
  isAlive,
  type LimenUnderTest,
  type Origin,
  startLimen,
  startOrigins,
  until,
} from './fleet-under-test.ts'
import { connectOctets, type OctetClient } from './octet-client.ts'
import { startLoad } from './steady-load.ts'

const DOWNLOAD_BYTES = 10_000_000
const SLOW_MS = 1_500
const DRAIN_MS = 5_000
/** The load is over, connections are closed, stores are written: no more than this on a busy machine. */
const SLACK_MS = 3_000
const REQUESTS_PER_CONNECTION = 20

describe('drain', () => {
  let limen: LimenUnderTest
  let origins: Origin[] = []
  let tlsPort = 0
  let plainPort = 0

  beforeEach(async () => {
    origins = await startOrigins('a', 'b')
    ;[tlsPort = 0, plainPort = 0] = await freePorts(2)
    limen = await startLimen({
      listeners: [
        { name: 'web', address: `127.0.0.1:${tlsPort}`, tls: {} },
        { name: 'plain', address: `127.0.0.1:${plainPort}` },
      ],
      certificates: [{ localCa: ['load.test'] }],
      pools: [
        {
          name: 'site',
          servers: origins.map(({ id, port }) => ({ id, address: `127.0.0.1:${port}` })),
          health: { path: '/healthz', intervalMs: 500, timeoutMs: 500 },
        },
      ],
      routes: [{ pool: 'site' }],
      timeouts: { drainMs: DRAIN_MS },
    })
  })

  afterEach(async () => {
    await limen.clean()
    await Promise.all(origins.map((origin) => origin.clean()))
  })

  const draining = (): Promise<void> =>
    until('the drain', 5_000, () => limen.printed().includes('"text":"Draining"'))
  const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: load.test\r\n\r\n`

  it('finishes every request under load, tells every client, and exits 0', async (t) => {
    const load = startLoad([
      { kind: 'http', port: plainPort, clients: 6, reconnect: false },
      { kind: 'https', port: tlsPort, clients: 6, reconnect: false },
      { kind: 'h2', port: tlsPort, clients: 2, streams: 4, reconnect: false },
    ])
    await until('some load', 10_000, () => load.answered > 1_500)
    const download = await startDownload()
    const slow = await connectOctets(tlsPort, {})
    slow.write(get(`/who/slow?ms=${SLOW_MS}`))
    const slowHttp2 = await startSlowHttp2()
    // In flight for sure: the upstreams have them.
    await until('the slow ones in flight', 5_000, async () => {
      const inFlight = (await limen.upstreams()).reduce((sum, one) => sum + one.inFlight, 0)
      return inFlight >= 2
    })

    const signalledAt = performance.now()
    limen.signal('SIGTERM')
    await draining()
    const ready = await fetch(`${limen.adminUrl}/readyz`)
    assert.equal(ready.status, 503)

    await load.over
    const report = load.report()
    assert.deepEqual(report.failures, [])
    assert.equal(report.closedIdle, 0)
    assert.equal(report.announced, 14)
    assert.match(await slow.readAll(), /connection: close[\s\S]*\/who\/slow\?ms=1500$/i)
    assert.equal(await download(), DOWNLOAD_BYTES)
    assert.deepEqual(await slowHttp2(), { status: 200, goaway: 0 })
    assert.equal(await limen.ended, 0)
    const tookMs = Math.round(performance.now() - signalledAt)
    t.diagnostic(`${report.requests} requests, 0 failed; drained in ${tookMs} ms`)
    assert.ok(tookMs < DRAIN_MS, 'it did not have to cut anybody off')
    assert.match(limen.printed(), /"text":"Stopped"/)
  })

  /** A download of which the client takes the most only after the drain has begun; resolves with its length. */
  async function startDownload(): Promise<() => Promise<number>> {
    const client = await connectOctets(plainPort)
    client.write(get(`/large?bytes=${DOWNLOAD_BYTES}`))
    await client.read(/\r\n\r\n/)
    client.socket.pause()
    return async () => {
      assert.ok(client.text().length < DOWNLOAD_BYTES, 'it is still under way')
      client.socket.resume()
      const text = await client.readAll()
      return text.length - text.indexOf('\r\n\r\n') - 4
    }
  }

  async function startSlowHttp2(): Promise<() => Promise<{ status: number; goaway: number }>> {
    const session = http2.connect(`https://127.0.0.1:${tlsPort}`, { rejectUnauthorized: false })
    await once(session, 'connect')
    const goaway = once(session, 'goaway') as Promise<[number]>
    const stream = session.request({ ':path': `/who/h2?ms=${SLOW_MS}`, ':authority': 'load.test' })
    const response = once(stream, 'response') as Promise<[http2.IncomingHttpStatusHeader]>
    const ended = once(stream.resume(), 'end')
    const over = Promise.all([response, goaway, ended])
    return async () => {
      const [[head], [code]] = await over
      return { status: head[':status'] ?? 0, goaway: code }
    }
  }

  it('still serves a request that was on its way, once, and closes idle connections in order', async () => {
    const idle = await usedConnection()
    const late = await usedConnection()
    const half = await connectOctets(plainPort)
    half.write('GET /who/half HTTP/1.1\r\nHost: lo')
    // TCP is there, TLS not yet.
    const early = await connectOctets(tlsPort)
    early.socket.removeAllListeners('data')
    await until('all four accepted', 5_000, async () => {
      return (await limen.workers()).reduce((sum, { connections }) => sum + connections, 0) === 4
    })
    limen.signal('SIGTERM')
    await draining()
    late.write(get('/who/late'))
    half.write('ad.test\r\n\r\n')
    const secure = tls.connect({ socket: early.socket, rejectUnauthorized: false })
    secure.setEncoding('latin1')
    let handshakeText = ''
    secure.on('data', (more: string) => {
      handshakeText += more
    })
    // Who of the three is done first is not said.
    const secureEnd = once(secure, 'end')
    secure.write(get('/who/early'))
    assert.match(await late.readAll(), /connection: close[\s\S]*[ab] \/who\/late$/i)
    assert.match(await half.readAll(), /connection: close[\s\S]*[ab] \/who\/half$/i)
    await secureEnd
    assert.match(handshakeText, /connection: close[\s\S]*[ab] \/who\/early$/i)
    // Ended, not reset, and nothing was said on it.
    let error: unknown
    idle.socket.on('error', (cause) => {
      error = cause
    })
    const said = idle.text()
    assert.equal(await idle.readAll(), said)
    assert.equal(error, undefined)
    await assert.rejects(connectOctets(plainPort), /ECONNREFUSED/)
    for (const client of [idle, late, half]) client.close()
    secure.destroy()
    assert.equal(await limen.ended, 0)
  })

  async function usedConnection(): Promise<OctetClient> {
    const client = await connectOctets(plainPort)
    client.write(get('/who/first'))
    await client.read(/[ab] \/who\/first$/)
    return client
  }

  it('does not wait for ever: what is not done in time is cut off', async () => {
    const endless = await connectOctets(plainPort)
    endless.write(get('/who/endless?ms=60000'))
    await until('it is in flight', 5_000, async () =>
      (await limen.upstreams()).some(({ inFlight }) => inFlight === 1),
    )
    const signalledAt = performance.now()
    limen.signal('SIGTERM')
    assert.equal(await limen.ended, 0)
    const tookMs = performance.now() - signalledAt
    assert.ok(tookMs >= DRAIN_MS - 100 && tookMs < DRAIN_MS + SLACK_MS, `${tookMs} ms`)
    endless.close()
  })

  it('a second signal ends it and its workers at once', async () => {
    const endless = await connectOctets(plainPort)
    endless.write(get('/who/endless?ms=60000'))
    await until('it is in flight', 5_000, async () =>
      (await limen.upstreams()).some(({ inFlight }) => inFlight === 1),
    )
    const workers = await limen.workers()
    const signalledAt = performance.now()
    limen.signal('SIGTERM')
    await draining()
    let end: number | string | undefined
    limen.ended.then((code) => {
      end = code
    })
    // What comes within a second counts as the same key press.
    await until('the second signal', 3_000, () => {
      limen.signal('SIGTERM')
      return end !== undefined
    })
    assert.equal(end, 128 + 15)
    await until('the workers are gone', 2_000, () => workers.every(({ pid }) => !isAlive(pid)))
    assert.ok(performance.now() - signalledAt < DRAIN_MS - 1_000)
    endless.close()
  })
})

describe('an HTTP/2 connection that has had its share of requests', () => {
  it('is asked to end when nothing runs on it, and not before', async () => {
    const [origin] = await startOrigins('a')
    const [port = 0] = await freePorts(1)
    assert.ok(origin !== undefined)
    const limen = await startLimen({
      listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
      certificates: [{ localCa: ['load.test'] }],
      pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${origin.port}` }] }],
      routes: [{ pool: 'site' }],
      limits: { requestsPerConnection: REQUESTS_PER_CONNECTION },
    })
    const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
    let goneAway = 0
    session.on('goaway', () => goneAway++)
    const ask = async (): Promise<number | undefined> => {
      const stream = session.request({ ':path': '/who/h2', ':authority': 'load.test' })
      const [head] = (await once(stream, 'response')) as [http2.IncomingHttpStatusHeader]
      await once(stream.resume(), 'end')
      return head[':status']
    }
    // One after the other, with pauses shorter than those of a client that is done.
    const busyUntil = performance.now() + 1_500
    let asked = 0
    while (performance.now() < busyUntil) {
      assert.equal(await ask(), 200)
      asked++
      await setTimeout(10)
    }
    assert.ok(asked > REQUESTS_PER_CONNECTION)
    assert.equal(goneAway, 0)
    await once(session, 'goaway')
    await once(session, 'close')
    await limen.clean()
    await origin.clean()
  })
})
