/**
 * Session tickets on real connections: they resume across rotations and edges, and say whom they were made for.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import fc from 'fast-check'
import { TicketKeys } from '../../src/adapters/edge/ticket-keys.ts'
import { opensslConfig } from '../../src/apps/server/fleet-worker.ts'
import type { CertificateSettings } from '../../src/ports/data-plane.ts'
import { freePorts } from '../free-ports.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { startLimen, until } from './fleet-under-test.ts'
import { greet } from './raw-hello.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
type Version = (typeof VERSIONS)[number]
/** One in force, one that is still opened: what `adapters/node/ticket-keys.ts` keeps. */
const KEYS_KEPT = 2

const CLIENTS = 12

let origin: EdgeOrigin
let one: EdgeUnderTest
let two: EdgeUnderTest
let keys: readonly Uint8Array[] = [randomBytes(48)]

before(async () => {
  origin = await startEdgeOrigin()
  one = await startEdge({ upstreamPorts: [origin.port], ticketKeys: keys })
  const certificate = one.settings.certificates[0] as CertificateSettings
  two = await startEdge({ upstreamPorts: [origin.port], ticketKeys: keys, certificate })
})

after(async () => {
  one?.close()
  two?.close()
  await origin?.close()
})

interface Visit {
  readonly resumed: boolean
  /** The newest, undefined when none came. */
  readonly session: Buffer | undefined
  readonly tickets: number
}

/** One connection with one request; the client leaves when the tickets have come. */
async function visit(
  { tlsPort }: Pick<EdgeUnderTest, 'tlsPort'>,
  version: Version,
  session?: Buffer,
): Promise<Visit> {
  const socket = tls.connect({
    port: tlsPort,
    host: '127.0.0.1',
    servername: 'localhost',
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(session === undefined ? {} : { session }),
  })
  let newest: Buffer | undefined
  let tickets = 0
  socket.on('session', (more) => {
    newest = more
    tickets++
  })
  await once(socket, 'secureConnect')
  const resumed = socket.isSessionReused()
  // The event does not tell of a ticket that renews one, in TLS 1.2.
  if (version === 'TLSv1.2') newest = socket.getSession()
  socket.end('GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
  return { resumed, session: newest, tickets }
}

async function rotate(): Promise<void> {
  keys = [randomBytes(48), ...keys].slice(0, KEYS_KEPT)
  for (const { edge, settings } of [one, two]) await edge.apply({ ...settings, ticketKeys: keys })
}

/** What the newest handshake at this edge brought. */
const lastAt = ({ tickets, decisions }: EdgeUnderTest) => ({
  lineage: tickets.at(-1)?.lineage,
  profile: decisions.at(-1)?.profile,
  ticket: tickets.at(-1)?.ticket ?? new Uint8Array(0),
})

for (const version of VERSIONS) {
  describe(`lineage over ${version}`, () => {
    it('names the profile of the first connection, on another edge, after a rotation, along a chain', async () => {
      const first = await visit(one, version)
      const { profile, lineage } = lastAt(one)
      assert.match(profile ?? '', /^[0-9a-f]{16}$/)
      assert.equal(lineage, undefined)
      let { session } = first
      for (const [index, edge] of [one, two, one, two].entries()) {
        if (index === 2) await rotate()
        const next = await visit(edge, version, session)
        assert.equal(next.resumed, true, `visit ${index}`)
        assert.equal(lastAt(edge).lineage, profile, `visit ${index}`)
        session = next.session ?? session
      }
    })

    it('is in every octet of a ticket: one changed, added or missing, and it names nobody', async () => {
      const { session } = await visit(one, version)
      await visit(one, version, session)
      const { ticket, lineage } = lastAt(one)
      const opened = new TicketKeys(keys)
      opened.serve(tls.createSecureContext(), { profile: '' })
      assert.ok(lineage)
      assert.equal(opened.lineageOf(ticket), lineage)
      for (let at = 0; at < ticket.length; at++) {
        const changed = Uint8Array.from(ticket)
        changed[at] = (changed[at] as number) ^ (1 << (at & 7))
        assert.equal(opened.lineageOf(changed), undefined, `octet ${at}`)
      }
      for (let length = 0; length < ticket.length; length++) {
        assert.equal(opened.lineageOf(ticket.subarray(0, length)), undefined, `length ${length}`)
      }
      assert.equal(opened.lineageOf(Buffer.concat([ticket, randomBytes(16)])), undefined)
      const another = new TicketKeys([randomBytes(48)])
      another.serve(tls.createSecureContext(), { profile: '' })
      assert.equal(another.lineageOf(ticket), undefined)
    })

    it('keeps clients apart whose handshakes are under way at once', async () => {
      const sessions = await Promise.all(
        Array.from({ length: 20 }, async () => (await visit(two, version)).session),
      )
      const before = two.tickets.length
      await Promise.all(sessions.map((session) => visit(two, version, session)))
      const lineages = two.tickets.slice(before).map(({ lineage }) => lineage)
      const profile = two.decisions[before]?.profile
      assert.deepEqual(new Set(lineages), new Set([profile]))
    })
  })
}

describe('the workers of a whole Limen', () => {
  it('issue one ticket, in either version, also when it was asked for by one', async () => {
    const [tlsPort = 0] = await freePorts(1)
    const limen = await startLimen({
      workers: 1,
      listeners: [{ name: 'web', address: `127.0.0.1:${tlsPort}`, tls: {} }],
      certificates: [{ localCa: ['localhost'] }],
      pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${origin.port}` }] }],
      routes: [{ pool: 'site' }],
    })
    try {
      for (const version of VERSIONS) {
        const first = await visit({ tlsPort }, version)
        assert.equal(first.tickets, 1, `${version}, full`)
        const second = await visit({ tlsPort }, version, first.session)
        assert.equal(second.resumed, true, version)
        // In TLS 1.2 the renewed ticket comes without an event.
        assert.equal(second.tickets, version === 'TLSv1.3' ? 1 : 0, `${version}, resumed`)
      }
    } finally {
      await limen.clean()
    }
  })

  it('leave OpenSSL to an operator who configures it', () => {
    assert.match(opensslConfig({}).join(' '), /^--openssl-config=.*edge-worker\.cnf$/)
    assert.deepEqual(opensslConfig({ OPENSSL_CONF: '/etc/ssl/fips.cnf' }), [])
    assert.deepEqual(opensslConfig({ NODE_OPTIONS: '--openssl-shared-config' }), [])
  })
})

describe('lineageOf()', () => {
  it('never throws on garbage, also behind the name of a key', () => {
    const [key = new Uint8Array(0)] = keys
    const opened = new TicketKeys(keys)
    opened.serve(tls.createSecureContext(), { profile: '' })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), fc.boolean(), (octets, isNamed) => {
        const ticket = isNamed ? Buffer.concat([key.subarray(0, 16), octets]) : octets
        assert.equal(opened.lineageOf(ticket), undefined)
      }),
      { seed: 20261122, numRuns: 5000 },
    )
  })
})

describe('resumption under load', () => {
  it('of 99 of 100 tickets or more, across rotations and two edges, both versions', async () => {
    const edges = [one, two] as const
    let offered = 0
    let resumed = 0
    let isRotating = true
    const visits = new Array<number>(CLIENTS).fill(0)
    const rotations = (async () => {
      for (let i = 0; i < 5; i++) {
        // A ticket lives through one rotation, not through two: each client comes in between.
        const goals = visits.map((count) => count + 3)
        const haveCome = async () => goals.every((goal, n) => (visits[n] ?? 0) >= goal)
        await until('the clients to have come', 20_000, haveCome)
        await rotate()
      }
      isRotating = false
    })()
    const client = async (number: number): Promise<void> => {
      const version = VERSIONS[number % 2] as Version
      let session: Buffer | undefined
      for (let i = number; isRotating; i++) {
        const next = await visit(edges[i % 2] as EdgeUnderTest, version, session)
        visits[number] = (visits[number] ?? 0) + 1
        if (session !== undefined) {
          offered++
          if (next.resumed) resumed++
        }
        session = next.session ?? (next.resumed ? session : undefined)
      }
    }
    await Promise.all([rotations, ...Array.from({ length: CLIENTS }, (_, i) => client(i))])
    console.log(`resumed ${resumed} of ${offered} over 5 rotations`)
    assert.ok(offered > 10 * CLIENTS)
    assert.ok(resumed >= offered * 0.99, `${resumed} of ${offered}`)
  })
})

describe('outcomes', () => {
  it('are told once per handshake: full, resumed, failed, closed, out of time', async () => {
    const edge = await startEdge({ upstreamPorts: [origin.port], timeouts: { tlsMs: 300 } })
    const results = () => edge.outcomes.map(({ result }) => result)
    try {
      const { session } = await visit(edge, 'TLSv1.3')
      await visit(edge, 'TLSv1.3', session)
      assert.deepEqual(results(), ['full', 'resumed'])
      // Who does not trust the certificate says so, after the handshake by the server's count or before.
      const distrusts = tls.connect({ port: edge.tlsPort, host: '127.0.0.1' })
      await assert.rejects(once(distrusts, 'secureConnect'))
      await until('the third', 5_000, async () => edge.outcomes.length >= 3)
      const { socket: leaves } = await greet(edge.tlsPort)
      await once(leaves, 'data')
      leaves.end()
      await until('the fourth', 5_000, async () => edge.outcomes.length >= 4)
      assert.equal(edge.outcomes[3]?.result, 'closed')
      const { socket: breaks } = await greet(edge.tlsPort)
      await once(breaks, 'data')
      breaks.write(Buffer.from('160303000401020304', 'hex'))
      await until('the fifth', 5_000, async () => edge.outcomes.length >= 5)
      assert.equal(edge.outcomes[4]?.result, 'failed')
      const { socket: waits } = await greet(edge.tlsPort)
      await until('the sixth', 5_000, async () => edge.outcomes.length >= 6)
      assert.equal(edge.outcomes[5]?.result, 'timeout')
      assert.ok((edge.outcomes[5]?.handshakeMs ?? 0) >= 300)
      waits.destroy()
      for (const [index, outcome] of edge.outcomes.entries()) {
        assert.equal(outcome.decision, edge.decisions[index]?.id)
        assert.equal(outcome.profile, edge.decisions[index]?.profile)
        assert.equal(outcome.helloRetry, false)
      }
    } finally {
      edge.close()
    }
  })

  it('say when a client had to be asked for another key share', async () => {
    const edge = await startEdge({ upstreamPorts: [origin.port] })
    try {
      const socket = tls.connect({
        port: edge.tlsPort,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ecdhCurve: 'P-521:P-256',
      })
      await once(socket, 'secureConnect')
      await until('the outcome', 5_000, async () => edge.outcomes.length > 0)
      socket.destroy()
      assert.equal(edge.outcomes[0]?.helloRetry, true)
    } finally {
      edge.close()
    }
  })
})
