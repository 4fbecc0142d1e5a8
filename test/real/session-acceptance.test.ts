/**
 * What session keys promise of a whole site, over a key server alone and three edges of two workers each, under a steady load
 * of `limen/client` in processes of their own: an edge that is drained or dies loses no session, a hundred new ticket
 * keys cost no request, and what was copied is worth nothing once somebody had a reason to doubt it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { beginHandshake, type Session } from '../../src/apps/browser/session-handshake.ts'
import { proofFields } from '../../src/apps/browser/sign-request.ts'
import type { KeysView } from '../../src/apps/server/key-server/key-views.ts'
import { readKeyConfig } from '../../src/wire/key-config.ts'
import { SUITE } from '../../src/wire/key-message.ts'
import { freePorts } from '../free-ports.ts'
import { type ConnectionBalancer, startBalancer } from './connection-balancer.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import {
  askAdmin,
  type ConfigText,
  type LimenUnderTest,
  startLimen,
  until,
} from './fleet-under-test.ts'
import type { LoadSetup, SessionLoadReport } from './session-load-process.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const LOAD = join(import.meta.dirname, 'session-load-process.ts')
const IDS = ['edge-1', 'edge-2', 'edge-3'] as const
const EDGES = [0, 1, 2] as const
const HOST = 'shop.test'
const ORIGIN = `https://${HOST}`
const WELL_KNOWN = '/.well-known/limen'
const LOAD_PROCESSES = 2
const CLIENTS = 12
/** About 120 requests a second in all: both cores have room for what is looked at. */
const EVERY_MS = 200
const EPOCH_ROTATIONS = 100
/** The admin API takes so many requests a minute, no more. */
const LOOK_MS = 100
/**
 * Short, so that keys are made, used and destroyed while it is looked at, and longer than a key server is away on a busy machine, with the
 * pause of a client that has asked it in vain: else a session ends, as it should. Rotations are asked for after 5 s.
 */
const TICKET_S = 90

let folder = ''
let site: EdgeOrigin
let keyServer: LimenUnderTest
let keyConfig: ConfigText
let keyServerPlace = { address: '', http: '' }
const edges: LimenUnderTest[] = []
let plainPorts: number[] = []
let tlsPorts: number[] = []
let balancer: ConnectionBalancer
const loads: ChildProcess[] = []

const edgeConfig = (which: number): ConfigText => ({
  listeners: [
    { name: 'plain', address: `127.0.0.1:${plainPorts[which]}` },
    { name: 'web', address: `127.0.0.1:${tlsPorts[which]}`, tls: {} },
  ],
  certificates: [{ localCa: [HOST] }],
  pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
  routes: [
    { path: '/open', pool: 'site' },
    { path: '/echo/cookie', pool: 'site', sessionKey: 'required', session: { bearer: true } },
    { pool: 'site', sessionKey: 'required' },
  ],
  admission: {
    mode: 'enforce',
    rigorous: { helloRetry: false, userAgentCheck: false, perProfilePerSecond: 1000 },
  },
  sessions: {
    server: { ...keyServerPlace, credentials: join(folder, IDS[which] ?? '') },
    onFeedSilent: 'closed',
    // Whoever tests is busy.
    rotation: { byLoad: false },
  },
})

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-acceptance-'))
  site = await startEdgeOrigin()
  const [http = 0, cluster = 0, ...more] = await freePorts(2 + 2 * IDS.length)
  plainPorts = more.slice(0, IDS.length)
  tlsPorts = more.slice(IDS.length)
  keyServerPlace = { address: `127.0.0.1:${cluster}`, http: `127.0.0.1:${http}` }
  keyConfig = {
    data: join(folder, 'data'),
    sessions: {
      enabled: true,
      bearer: true,
      suites: ['x25519'],
      ticketS: TICKET_S,
      rotation: { everyS: 5, leastS: 1, byLoad: false },
      hosts: [HOST, '127.0.0.1'],
      listen: keyServerPlace.http,
      cluster: { address: keyServerPlace.address },
    },
  }
  keyServer = await startLimen(keyConfig, 'keys')
  for (const id of IDS) {
    const file = join(keyServer.folder, 'limen.yaml')
    execFileSync(LIMEN, ['cluster', 'issue', id, '-c', file, '--to', join(folder, id)])
  }
  await Promise.all(EDGES.map(startEdge))
  balancer = await startBalancer(plainPorts)
  const { identity } = (await (await admin('GET', '/v1/keys')).json()) as KeysView
  const origin = `http://127.0.0.1:${balancer.port}`
  const setup: LoadSetup = { origin, authorityKey: identity, clients: CLIENTS, everyMs: EVERY_MS }
  for (let i = 0; i < LOAD_PROCESSES; i++) loads.push(fork(LOAD, [JSON.stringify(setup)]))
})
after(async () => {
  for (const load of loads) load.kill()
  await balancer?.close()
  for (const limen of [...edges, keyServer]) await limen?.clean()
  await site?.close()
  rmSync(folder, { recursive: true })
})

async function startEdge(which: number): Promise<void> {
  edges[which] = await startLimen(edgeConfig(which))
}

const admin = (method: string, path: string, body?: unknown): Promise<Response> =>
  askAdmin(keyServer, join(folder, 'data'), method, path, body)
const epochsOf = async (response: Response) =>
  ((await response.json()) as KeysView).groups.flatMap((group) => group.epochs)
const epochs = async () => await epochsOf(await admin('GET', '/v1/keys'))

/** Resolves when a new key is in use: all edges hold it. */
async function renewTicketKey(): Promise<void> {
  const made = await epochsOf(await admin('POST', '/v1/keys/rotate', { what: 'tickets', why: '' }))
  const last = Math.max(...made.map(({ epoch }) => epoch))
  await until('the next key in use', 10_000, async () => {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    return (await epochs()).some(({ epoch, state }) => epoch >= last && state === 'active')
  })
}

/** What the clients of all processes have seen. */
async function report(say: 'report' | 'stop' = 'report'): Promise<SessionLoadReport> {
  const parts = await Promise.all(
    loads.map(async (load) => {
      const said = once(load, 'message') as Promise<[SessionLoadReport]>
      load.send(say)
      return (await said)[0]
    }),
  )
  return {
    answered: parts.reduce((sum, one) => sum + one.answered, 0),
    again: parts.reduce((sum, one) => sum + one.again, 0),
    failures: parts.flatMap((one) => one.failures),
    sessions: parts.flatMap((one) => one.sessions),
  }
}
/** What the checks of an edge came to. */
async function checksOf({ adminUrl }: LimenUnderTest): Promise<Readonly<Record<string, number>>> {
  const answer = (await (await fetch(`${adminUrl}/v1/session-figures`)).json()) as {
    readonly checks: Readonly<Record<string, number>>
  }
  return answer.checks
}
const lost = ({ sessions }: SessionLoadReport): number =>
  sessions.filter(({ ids }) => ids.length !== 1).length
/** Clients go on asking for a while: so many more are answered. */
async function more(count: number): Promise<void> {
  const { answered } = await report()
  await until(`${count} more answers`, 30_000, async () => {
    return (await report()).answered >= answered + count
  })
}

describe('three edges under a steady load', () => {
  it('take a hundred new ticket keys: no request fails, no ticket is one that an edge cannot open', async (t) => {
    await until('all clients to have a session', 20_000, async () => {
      return (await report()).sessions.every(({ ids }) => ids.length === 1)
    })
    const before = await report()
    const began = performance.now()
    for (let i = 0; i < EPOCH_ROTATIONS; i++) await renewTicketKey()
    const seconds = (performance.now() - began) / 1000
    await more(200)
    const after = await report()
    const checks = await Promise.all(edges.map(checksOf))
    t.diagnostic(
      `${after.answered - before.answered} requests over ${EPOCH_ROTATIONS} keys in ${seconds.toFixed(1)} s; ${(await epochs()).length} keys held`,
    )
    assert.deepEqual(after.failures, [])
    assert.equal(lost(after), 0)
    assert.deepEqual(
      checks.flatMap((one) => Object.keys(one).filter((code) => code !== 'valid')),
      [],
      'no edge refused anything',
    )
    assert.ok(
      after.sessions.every(({ generation }) => generation > 1),
      'their own keys rotated',
    )
  })

  it('lose no session and no request when one is drained', async (t) => {
    const before = await report()
    edges[0]?.signal('SIGTERM')
    assert.equal(await edges[0]?.ended, 0)
    await more(300)
    const after = await report()
    t.diagnostic(
      `${after.answered - before.answered} requests, ${after.again - before.again} again`,
    )
    assert.deepEqual(after.failures, [])
    assert.equal(lost(after), 0)
    await edges[0]?.clean()
    await startEdge(0)
  })

  it('lose no session, and only requests in flight, when one is killed', async (t) => {
    const edge = edges[1] as LimenUnderTest
    await until('connections to all edges', 30_000, () => balancer.open().every((n) => n > 0))
    const before = await report()
    const pids = (await edge.workers()).map(({ pid }) => pid)
    const open = balancer.open()[1] ?? 0
    const killedAt = Date.now()
    for (const pid of [edge.pid, ...pids]) process.kill(pid, 'SIGKILL')
    await edge.ended
    await more(300)
    const after = await report()
    const failures = after.failures.slice(before.failures.length)
    const again = after.again - before.again
    t.diagnostic(
      `${after.answered - before.answered} answered; of ${open} connections to the killed edge ${failures.length + again} had a request in flight: ${again} made again on another, ${failures.length} unsafe ones failed`,
    )
    assert.ok(failures.length + again <= open)
    for (const { method, at, why } of failures) {
      assert.equal(method, 'POST', why)
      assert.match(why, /^(?:fetch failed|terminated)/)
      assert.ok(at >= killedAt && at < killedAt + 5_000)
    }
    assert.equal(lost(after), 0)
    await edge.clean()
    await startEdge(1)
  })
})

interface Answer {
  readonly status: number
  readonly code: string
  readonly cookie: string
  readonly hint: string
  readonly body: Buffer
}
interface Asking {
  readonly method?: string
  readonly path?: string
  readonly fields?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Its hello comes in small pieces, as no network cuts it. */
  readonly isSuspect?: boolean
}

/** Hands on what is written in pieces of 64 octets, at first. */
function dripping(port: number): Duplex {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  let dripped = 0
  const drip = (rest: Buffer, done: () => void): void => {
    if (rest.length === 0) {
      done()
      return
    }
    const isHello = dripped < 1500
    const piece = isHello ? rest.subarray(0, 64) : rest
    dripped += piece.length
    socket.write(piece)
    setTimeout(() => drip(rest.subarray(piece.length), done), isHello ? 2 : 0)
  }
  const duplex = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => drip(chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (data) => {
    if (!duplex.push(data)) socket.pause()
  })
  socket.on('end', () => duplex.push(null)).on('error', (error) => duplex.destroy(error))
  return duplex
}

const send = (which: number, asking: Asking): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', path = '/echo', fields = {}, body, isSuspect = false } = asking
    const port = tlsPorts[which] ?? 0
    const how = { servername: HOST, rejectUnauthorized: false }
    const createConnection = () =>
      isSuspect
        ? tls.connect({ ...how, socket: dripping(port), ciphers: 'TLS_AES_256_GCM_SHA384' })
        : tls.connect({ ...how, port, host: '127.0.0.1' })
    const headers = {
      ...{ host: HOST, connection: 'close', ...fields },
      ...(body && { 'content-length': String(body.length) }),
    }
    const sent = request({ method, path, headers, createConnection }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
      answer.on('end', () => {
        const { statusCode: status = 0, headers: got } = answer
        const cookie = got['set-cookie']?.find((one) => one.startsWith('__Host-limen='))
        resolve({
          status,
          code: `${status} ${got['sessionkey-error'] ?? ''}`.trim(),
          cookie: cookie?.split(';')[0] ?? '',
          hint: String(got['sessionkey-rotate'] ?? ''),
          body: Buffer.concat(pieces),
        })
      })
    })
    sent.on('error', reject).end(body)
  })

/** Opens a session, or follows one. */
async function agree(
  which: number,
  previous?: Session,
  isSuspect = false,
): Promise<{ session: Session; cookie: string }> {
  const config = readKeyConfig((await send(which, { path: `${WELL_KNOWN}/keys` })).body)
  const key = config?.keys.find(({ suites }) => suites.includes(SUITE.x25519))
  assert.ok(key !== undefined)
  const begun = await beginHandshake({
    ...{ key, suite: SUITE.x25519, origin: ORIGIN, now: Date.now() },
    ...(previous && { previous }),
  })
  const answer = await send(which, {
    ...{ method: 'POST', body: begun.message, isSuspect },
    path: `${WELL_KNOWN}/${previous === undefined ? 'session' : 'rotate'}`,
    fields: {
      'content-type': 'application/limen-lsk',
      ...(previous && { sessionkey: previous.ticket }),
    },
  })
  assert.equal(answer.status, 200, answer.code)
  return { session: await begun.finish(answer.body), cookie: answer.cookie }
}
const sign = (session: Session, method = 'GET', path = '/echo') =>
  proofFields(session, { method, url: new URL(path, ORIGIN) }, Date.now() / 1000)
const idOf = ({ sessionId }: Session): string => Buffer.from(sessionId).toString('base64url')

/** Everything a thief can have copied of a request: what each copy gets on each edge. */
interface Copied {
  readonly cookie: string
  /** As they came; safe, so that each edge may see them once. */
  readonly fields: Readonly<Record<string, string>>
}
async function tryCopies({ cookie, fields }: Copied): Promise<string[]> {
  const { sessionkey = '' } = fields
  const said = await Promise.all(
    EDGES.flatMap((which) => [
      send(which, { path: '/echo/cookie', fields: { cookie } }),
      send(which, { fields }),
      send(which, { fields: { sessionkey } }),
      // By another proof that is as good as the thief can make it.
      send(which, { path: '/echo?more', fields }),
    ]),
  )
  return said.map(({ code }) => code)
}
const copy = async (session: Session, cookie: string): Promise<Copied> => ({
  ...{ cookie, fields: await sign(session) },
})
/** What the copies of {@link tryCopies} are to get. */
const everywhere = (codes: readonly string[]): string[] => EDGES.flatMap(() => codes)
const SUPERSEDED = everywhere([
  ...['401 superseded', '401 superseded', '401 sig_params', '401 superseded'],
])
const REVOKED = everywhere(['401 revoked', '401 revoked', '401 sig_params', '401 revoked'])
const askEverywhere = (session: Session): Promise<string[]> =>
  Promise.all(EDGES.map(async (which) => (await send(which, { fields: await sign(session) })).code))

/** An edge takes its client for a suspect and asks for another key; the client follows. */
async function rotateAsSuspect(session: Session): Promise<Session> {
  await until('the edge to suspect the client', 20_000, async () => {
    const fields = await sign(session)
    return (await send(0, { fields, isSuspect: true })).hint.includes('reason=security')
  })
  return (await agree(0, session, true)).session
}

describe('what was copied of a session', () => {
  it('is refused once its client was suspected and the key rotated: superseded, after 5 s', async () => {
    const { session, cookie } = await agree(0)
    const copied = await copy(session, cookie)
    // The cookie is worth what it says, a proof is good once per edge: until somebody has a reason for doubt.
    assert.deepEqual(
      await tryCopies(copied),
      everywhere(['200', '200', '401 sig_params', '401 sig_invalid']),
    )
    const next = await rotateAsSuspect(session)
    const rotatedAt = performance.now()
    await until('what was copied to be refused', 12_000, async () => {
      const said = await tryCopies(await copy(session, cookie))
      return said.every((code) => code === '401 superseded' || code === '401 sig_params')
    })
    const tookMs = performance.now() - rotatedAt
    assert.ok(tookMs > 3_000, 'requests under way had their 5 s')
    assert.deepEqual(await tryCopies(copied), SUPERSEDED)
    assert.deepEqual(await askEverywhere(next), everywhere(['200']), 'its client goes on')
  })

  it('is refused on every edge within a second of a revocation', async () => {
    const { session, cookie } = await agree(1)
    const copied = await copy(session, cookie)
    assert.deepEqual(await askEverywhere(session), everywhere(['200']))
    await admin('DELETE', `/v1/sessions/${idOf(session)}`)
    await until('a refusal on all edges', 1_000, async () => {
      return (await askEverywhere(session)).every((code) => code === '401 revoked')
    })
    assert.deepEqual(await tryCopies(copied), REVOKED)
  })

  it('stays refused when the key server starts again, also on an edge that starts after it; sessions go on', async () => {
    const before = await report()
    const [suspect, revoked, other] = [await agree(0), await agree(1), await agree(2)]
    const copies = [suspect, revoked].map(({ session, cookie }) => copy(session, cookie))
    await admin('DELETE', `/v1/sessions/${idOf(revoked.session)}`)
    const next = await rotateAsSuspect(suspect.session)
    keyServer.signal('SIGTERM')
    assert.equal(await keyServer.ended, 0)
    await more(50)
    const { clean } = keyServer
    keyServer = await startLimen(keyConfig, 'keys')
    await clean()
    await edges[2]?.clean()
    await startEdge(2)
    const [ofSuspect, ofRevoked] = (await Promise.all(copies)) as [Copied, Copied]
    await until('all to be refused again', 60_000, async () => {
      const said = await tryCopies(ofSuspect)
      return said.every((code, i) => code === SUPERSEDED[i])
    })
    assert.deepEqual(await tryCopies(ofRevoked), REVOKED)
    for (const session of [next, other.session]) {
      assert.deepEqual(await askEverywhere(session), everywhere(['200']))
    }
    const again = await report()
    // Those that asked for a key meanwhile wait a little longer each time.
    await until('all keys to go on rotating', 120_000, async () => {
      const { sessions } = await report()
      return sessions.every(({ generation }, i) => {
        return generation > (again.sessions[i]?.generation ?? 0)
      })
    })
    const after = await report('stop')
    const failures = after.failures.slice(before.failures.length)
    // Of the edge that was started again, without a drain, as in the test of one that is killed.
    assert.ok(
      failures.every(
        ({ method, why }) => method === 'POST' && /^(?:fetch failed|terminated)/.test(why),
      ),
    )
    assert.equal(lost(after), 0)
  })
})
