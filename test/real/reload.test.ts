/**
 * Reloads and a certificate change while clients are served: nobody notices (issue: nginx loses 5 of such
 * a load, HAProxy 6, Caddy 53).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { freePorts } from '../free-ports.ts'
import {
  type ConfigText,
  type LimenUnderTest,
  makeCertificate,
  type Origin,
  startLimen,
  startOrigins,
  until,
} from './fleet-under-test.ts'
import { type SteadyLoad, startLoad } from './steady-load.ts'

const REQUESTS_MIN = 40_000
/** Requests between two changes, so that each meets the load. */
const STEP_REQUESTS = 4_500
/** Asked besides the load: over the kept connection, and by the guest. */
const KEPT_REQUESTS = 4
const CERTIFICATE_MS_MAX = 2_000

describe('reload under load', () => {
  let limen: LimenUnderTest
  let origins: Origin[] = []
  let ports = { tls: 0, plain: 0, more: 0 }

  const config = (change: {
    readonly servers?: readonly (readonly [number, number])[]
    readonly others?: ConfigText
  }): ConfigText => ({
    listeners: [
      { name: 'web', address: `127.0.0.1:${ports.tls}`, tls: {} },
      { name: 'plain', address: `127.0.0.1:${ports.plain}` },
    ],
    certificates: [{ certFile: 'site.pem', keyFile: 'site.key' }],
    pools: [pool('site', change.servers ?? [])],
    routes: [{ pool: 'site' }],
    ...change.others,
  })
  const pool = (name: string, servers: readonly (readonly [number, number])[]): ConfigText => ({
    name,
    servers: servers.map(([index, weight]) => ({
      id: origins[index]?.id,
      address: `127.0.0.1:${origins[index]?.port}`,
      weight,
    })),
    health: { path: '/healthz', intervalMs: 500, timeoutMs: 500 },
  })
  const ALL = [
    [0, 1],
    [1, 1],
    [2, 1],
  ] as const

  before(async () => {
    origins = await startOrigins('a', 'b', 'c')
    const [one = 0, two = 0, three = 0] = await freePorts(3)
    ports = { tls: one, plain: two, more: three }
    const first = config({ servers: ALL, others: { certificates: [{ localCa: ['load.test'] }] } })
    limen = await startLimen(first)
    makeCertificate(certificateFiles(limen), ['load.test'])
    await limen.reload(config({ servers: ALL }))
  })

  after(async () => {
    await limen?.clean()
    await Promise.all(origins.map((origin) => origin.clean()))
  })

  it('fails none of 40 000 requests over five reloads and a certificate change', async (t) => {
    const { tls: tlsPort, plain } = ports
    const before = await limen.traffic()
    const kept = await keepConnection(tlsPort)
    assert.match(await kept.ask('/who/first'), /^[abc] \/who\/first$/)
    const decision = await firstDecision(limen)
    const load = startLoad([
      { kind: 'http', port: plain, clients: 4 },
      { kind: 'https', port: tlsPort, clients: 4 },
      { kind: 'https-new', port: tlsPort, clients: 2 },
      { kind: 'h2', port: tlsPort, clients: 2, streams: 8 },
    ])
    try {
      await changeEverything(load)
      await until('40 000 requests', 60_000, () => load.answered >= REQUESTS_MIN)
    } finally {
      await load.stop()
    }
    const report = load.report()
    t.diagnostic(
      `${report.requests} requests, ${report.failures.length} failed, ${report.closedIdle} idle ` +
        `connections closed unannounced, by server ${JSON.stringify(report.servers)}`,
    )
    assert.deepEqual(report.failures.slice(0, 10), [])
    assert.equal(report.closedIdle, 0)
    assert.ok(report.requests >= REQUESTS_MIN)
    assert.deepEqual(Object.keys(report.servers).sort(), ['a', 'b', 'c'])

    // The connection from before the first reload lives on, with the certificate it began with.
    assert.match(await kept.ask('/who/kept'), /^[abc] \/who\/kept$/)
    assert.equal(kept.names(), 'DNS:load.test')
    kept.close()

    // Counters go on across reloads, and count each request once.
    const answered = load.answered + KEPT_REQUESTS
    await until('all requests counted', 5_000, async () => {
      const { responses } = await limen.traffic()
      return (responses[2] ?? 0) - (before.responses[2] ?? 0) >= answered
    })
    const { responses } = await limen.traffic()
    assert.equal((responses[2] ?? 0) - (before.responses[2] ?? 0), answered)
    const explained = await fetch(`${limen.adminUrl}/v1/decisions/${decision}`)
    assert.equal(explained.status, 200)
  })

  async function changeEverything(load: SteadyLoad): Promise<void> {
    const step = async (): Promise<void> => {
      const goal = load.answered + STEP_REQUESTS
      await until('requests between changes', 60_000, () => load.answered >= goal)
    }
    await step()
    // 1: membership.
    await limen.reload(config({ servers: ALL.slice(0, 2) }))
    assert.equal((await limen.upstreams()).length, 2)
    await step()
    // 2: weights, and the server is back.
    const weighed = [
      [0, 3],
      [1, 1],
      [2, 2],
    ] as const
    await limen.reload(config({ servers: weighed }))
    await step()
    // 3: limits and timeouts, below what open connections were promised.
    const limits = { h2StreamsMax: 4, headBytes: 8192, requestsPerConnection: 5000 }
    await limen.reload(
      config({ servers: weighed, others: { limits, timeouts: { idleMs: 30_000 } } }),
    )
    await step()
    // 4: a route to a pool of its own.
    const others = {
      pools: [pool('site', weighed), pool('people', ALL)],
      routes: [{ path: '/who', pool: 'people' }, { pool: 'site' }],
    }
    await limen.reload(config({ servers: weighed, others }))
    assert.equal((await limen.upstreams()).length, 6)
    await step()
    await changeCertificate()
    await step()
    // 5: a listener more, and gone again while somebody is connected to it.
    const { listeners } = config({})
    const more = { name: 'more', address: `127.0.0.1:${ports.more}`, tls: {} }
    await limen.reload(
      config({ servers: ALL, others: { listeners: [...(listeners as []), more] } }),
    )
    const guest = await keepConnection(ports.more)
    assert.match(await guest.ask('/who/guest'), /^[abc] /)
    await step()
    await limen.reload(config({ servers: ALL }))
    assert.match(await guest.ask('/who/guest-again'), /^[abc] \/who\/guest-again$/)
    guest.close()
    await assert.rejects(keepConnection(ports.more), /ECONNREFUSED/)
    await step()
  }

  async function changeCertificate(): Promise<void> {
    makeCertificate(certificateFiles(limen), ['load.test', 'renewed.test'])
    const changedAt = performance.now()
    await until('the new certificate', CERTIFICATE_MS_MAX, async () => {
      const connection = await keepConnection(ports.tls)
      const names = connection.names()
      connection.close()
      return names === 'DNS:load.test, DNS:renewed.test'
    })
    assert.ok(performance.now() - changedAt <= CERTIFICATE_MS_MAX)
    // Every worker has it: among 20 connections none gets the old one.
    for (let i = 0; i < 20; i++) {
      const connection = await keepConnection(ports.tls)
      assert.equal(connection.names(), 'DNS:load.test, DNS:renewed.test')
      connection.close()
    }
  }

  it('refuses a bad configuration with its lines, and goes on with the old one', async () => {
    const good = config({ servers: ALL })
    const kept = await keepConnection(ports.tls)
    const text = JSON.stringify({ ...good, limits: { headBytes: 'many' } }, undefined, 2)
    const lines = text.split('\n')
    const line = lines.findIndex((one) => one.includes('headBytes')) + 1
    const column = (lines[line - 1] ?? '').indexOf('"headBytes"') + 1
    limen.configure(text)
    limen.signal('SIGHUP')
    const complaint = `limen.yaml:${line}:${column}: limits.headBytes`
    await until(`${complaint} in the log`, 5_000, () => limen.printed().includes(complaint))
    assert.match(await kept.ask('/who/still'), /^[abc] \/who\/still$/)
    assert.match(await (await keepConnection(ports.tls)).ask('/who/new'), /^[abc] \/who\/new$/)
    kept.close()
    await limen.reload(good)
  })

  it('refuses a listener whose address another program has, on all workers', async () => {
    const program = createServer().listen(ports.more, '127.0.0.1')
    await once(program, 'listening')
    const taken = { name: 'taken', address: `127.0.0.1:${ports.more}` }
    const { listeners } = config({})
    const others = { listeners: [...(listeners as []), taken] }
    limen.configure(config({ servers: ALL, others }))
    limen.signal('SIGHUP')
    await until('the refusal', 5_000, () => /Cannot listen on 127\.0\.0\.1/.test(limen.printed()))
    assert.match(await (await keepConnection(ports.tls)).ask('/who/after'), /^[abc] /)
    program.close()
    await limen.reload(config({ servers: ALL }))
  })
})

const certificateFiles = ({ folder }: LimenUnderTest) => ({
  certFile: join(folder, 'site.pem'),
  keyFile: join(folder, 'site.key'),
})

async function firstDecision({ adminUrl }: LimenUnderTest): Promise<string> {
  let id = ''
  await until('a decision', 5_000, async () => {
    const text = await (await fetch(`${adminUrl}/v1/decisions?limit=1`)).text()
    id = /"id":"([^"]+)"/.exec(text)?.[1] ?? ''
    return id !== ''
  })
  return id
}

interface KeptConnection {
  ask(target: string): Promise<string>
  /** What the certificate certifies. */
  names(): string
  close(): void
}

/** A TLS connection that stays open between two questions. */
async function keepConnection(port: number): Promise<KeptConnection> {
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  socket.setEncoding('latin1')
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject)
  })
  return {
    names: () => socket.getPeerX509Certificate()?.subjectAltName ?? '',
    close: () => socket.destroy(),
    ask: (target) =>
      new Promise((resolve, reject) => {
        if (socket.closed) reject(new Error('closed before it was asked'))
        let text = ''
        const onData = (more: string): void => {
          text += more
          const body = /\r\n\r\n(.+)$/s.exec(text)?.[1]
          if (body === undefined || !body.endsWith(target)) return
          socket.off('data', onData)
          resolve(body)
        }
        socket.on('data', onData)
        socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)))
        socket.write(`GET ${target} HTTP/1.1\r\nHost: load.test\r\n\r\n`)
      }),
  }
}
