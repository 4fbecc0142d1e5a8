/**
 * A key server alone and three edges, five processes on loopback: sessions go from edge to edge, revocations and new keys reach all,
 * proofs are good once wherever they are shown, and nothing stops when the key server does.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import { proofFields } from '../../src/apps/browser/sign-request.ts'
import type { EdgeView, KeysView } from '../../src/apps/server/key-server/key-views.ts'
import { freePorts } from '../free-ports.ts'
import { openSession } from '../open-session.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import {
  askAdmin,
  type ConfigText,
  type LimenUnderTest,
  startLimen,
  until,
} from './fleet-under-test.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const IDS = ['edge-1', 'edge-2', 'edge-3'] as const
const HOST = 'shop.test'
/** Of a group of its own, which the last edge does not serve. */
const OTHER = 'other.test'
const ORIGIN = `http://${HOST}`

let folder = ''
let site: EdgeOrigin
let redis: RedisServer
let keyServer: LimenUnderTest
let keyConfig: ConfigText
let edges: LimenUnderTest[] = []
let ports: number[] = []
let clusterPort = 0

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-cluster-'))
  site = await startEdgeOrigin()
  redis = await startRedis()
  const [http = 0, cluster = 0, ...more] = await freePorts(2 + 2 * IDS.length)
  clusterPort = cluster
  ports = more.slice(0, IDS.length)
  const addresses = IDS.map((id, i) => ({ id, address: `127.0.0.1:${more[IDS.length + i]}` }))
  keyConfig = {
    data: join(folder, 'data'),
    sessions: {
      enabled: true,
      hosts: [HOST, OTHER],
      groups: [{ id: 1 }, { id: 2, hosts: [OTHER] }],
      listen: `127.0.0.1:${http}`,
      cluster: { address: `127.0.0.1:${cluster}` },
      edges: addresses,
    },
  }
  keyServer = await startLimen(keyConfig, 'keys')
  const server = { address: `127.0.0.1:${cluster}`, http: `127.0.0.1:${http}` }
  const { url, passwordFile } = redis
  edges = await Promise.all(
    IDS.map(async (id, i) => {
      issue(id)
      return await startLimen({
        workers: 1,
        listeners: [{ name: 'web', address: `127.0.0.1:${ports[i]}` }],
        // Whoever comes there is suspicious.
        ...(id === 'edge-1' ? { admission: { mode: 'enforce', tier2: 0 } } : {}),
        pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
        routes: [
          { path: '/owner', ...checked('owner') },
          { path: '/cluster', ...checked('cluster') },
          { path: '/', ...checked('edge') },
        ],
        sessions: {
          server: { ...server, credentials: join(folder, id) },
          edges: addresses,
          redis: { url, passwordFile },
          onFeedSilent: 'closed',
          ...(id === 'edge-3' ? { serves: [1] } : {}),
        },
      })
    }),
  )
})
after(async () => {
  for (const limen of [...edges, keyServer]) await limen.clean()
  await redis.clean()
  await site.close()
  rmSync(folder, { recursive: true })
})

const checked = (replay: string) => ({
  ...{ pool: 'site', sessionKey: 'required', session: { replay, bodyDigest: false } },
})
function limen(...args: string[]): string {
  const env = { ...process.env, LIMEN_TOKEN_FILE: join(folder, 'data', 'admin-token') }
  const file = join(keyServer.folder, 'limen.yaml')
  return execFileSync(LIMEN, [...args, '-c', file], { env, encoding: 'utf8' })
}
function issue(id: string, to = join(folder, id)): void {
  const file = join(keyServer.folder, 'limen.yaml')
  execFileSync(LIMEN, ['cluster', 'issue', id, '-c', file, '--to', to])
}

interface Answer {
  readonly status: number
  readonly code: string
  /** `SessionKey-Rotate`. */
  readonly rotate: string
  readonly body: Buffer
}
type Fields = Readonly<Record<string, string>>
const send = (
  edge: number,
  method: string,
  path: string,
  fields: Fields = {},
  body: Uint8Array = Buffer.alloc(0),
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = { host: HOST, 'content-length': String(body.length), ...fields }
    const port = ports[edge] ?? 0
    const sent = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
      answer.on('end', () => {
        const { statusCode: status = 0, headers: got } = answer
        const code = String(got['sessionkey-error'] ?? '')
        const rotate = String(got['sessionkey-rotate'] ?? '')
        resolve({ status, code, rotate, body: Buffer.concat(pieces) })
      })
    })
    sent.on('error', reject).end(body)
  })
/** `passed`, or why not. */
const outcome = ({ status, code }: Answer): string =>
  code === '' && status < 500 ? 'passed' : `${status} ${code}`

const open = (edge: number, host = HOST): Promise<Session> =>
  openSession(`http://${host}`, (method, path, fields, body) =>
    send(edge, method, path, { host, ...fields }, body),
  )
const sign = (session: Session, method: string, path: string): Promise<Fields> =>
  proofFields(session, { method, url: new URL(path, ORIGIN) }, Date.now() / 1000)
const ask = async (edge: number, session: Session, method = 'GET', path = '/echo') =>
  outcome(await send(edge, method, path, await sign(session, method, path)))
const idOf = ({ sessionId }: Session): string => Buffer.from(sessionId).toString('base64url')

const admin = (method: string, path: string, body?: unknown): Promise<Response> =>
  askAdmin(keyServer, join(folder, 'data'), method, path, body)
const epochs = async () => {
  const { groups } = (await (await admin('GET', '/v1/keys')).json()) as KeysView
  return groups.flatMap((group) => group.epochs)
}
const allHold = async (): Promise<boolean> =>
  (await epochs()).every(({ heldBy, workers }) => heldBy === workers && workers >= 2)

describe('a key server and three edges', () => {
  it('hold the same keys: a session opened through one is good on all', async () => {
    await until('all to hold the first keys', 5_000, allHold)
    for (const edge of IDS.keys()) {
      const session = await open(edge)
      for (const other of IDS.keys()) assert.equal(await ask(other, session), 'passed')
    }
  })

  it('refuse a revoked session on every edge within a second', async () => {
    const session = await open(0)
    for (const edge of IDS.keys()) assert.equal(await ask(edge, session), 'passed')
    await admin('DELETE', `/v1/sessions/${idOf(session)}`)
    await until('a refusal on all edges', 1_000, async () => {
      const said = await Promise.all([...IDS.keys()].map((edge) => ask(edge, session)))
      return said.every((one) => one === '401 revoked')
    })
  })

  it('ask a session for a new key wherever it goes, once it was suspicious on one', async () => {
    const [session, other] = [await open(1), await open(1)]
    const isAskedAt = async (edge: number, of: Session): Promise<boolean> => {
      const answer = await send(edge, 'GET', '/echo', await sign(of, 'GET', '/echo'))
      assert.equal(outcome(answer), 'passed')
      return answer.rotate.includes('reason=security')
    }
    for (const edge of [1, 2]) assert.equal(await isAskedAt(edge, session), false)
    assert.equal(await isAskedAt(0, session), true)
    for (const edge of [1, 2]) {
      await until('another edge to ask for it', 5_000, () => isAskedAt(edge, session))
      assert.equal(await isAskedAt(edge, other), false)
    }
  })

  it('hold keys of what they serve, and fetch one more when its tickets come', async () => {
    const session = await open(0, OTHER)
    const show = async (edge: number): Promise<string> => {
      const url = new URL('/echo', `http://${OTHER}`)
      const fields = await proofFields(session, { method: 'GET', url }, Date.now() / 1000)
      return outcome(await send(edge, 'GET', '/echo', { host: OTHER, ...fields }))
    }
    assert.equal(await show(1), 'passed')
    assert.equal(await show(2), '503 stek_unknown')
    await until('the key to be fetched', 5_000, async () => (await show(2)) === 'passed')
    const listed = JSON.parse(limen('cluster', 'list', '-o', 'json')) as EdgeView[]
    const shown = listed.map(({ id, state, serves }) => ({ id, state, serves }))
    assert.deepEqual(
      shown.sort((a, b) => a.id.localeCompare(b.id)),
      IDS.map((id) => ({ id, state: 'connected', serves: id === 'edge-3' ? [1] : [] })),
    )
    assert.match(limen('cluster', 'list'), /edge-3 +connected .* 1 /)
  })

  it('use new keys only when all hold them: no ticket that an edge cannot open', async () => {
    const said: string[] = []
    let isOver = false
    const load = [0, 1, 2].map(async (edge) => {
      while (!isOver) {
        const session = await open(edge)
        for (const other of IDS.keys()) said.push(await ask(other, session))
      }
    })
    try {
      for (let i = 0; i < 10; i++) {
        const last = Math.max(...(await epochs()).map(({ epoch }) => epoch))
        await admin('POST', '/v1/keys/rotate', { what: 'tickets', why: '' })
        await until('the next key in use', 5_000, async () =>
          (await epochs()).some(({ epoch, state }) => epoch > last && state === 'active'),
        )
      }
    } finally {
      isOver = true
      await Promise.all(load)
    }
    assert.ok(said.length > 30)
    assert.deepEqual([...new Set(said)], ['passed'])
  })
})

describe('a proof shown on another edge', () => {
  const shownTwice = async (path: string): Promise<string[]> => {
    const said: string[] = []
    // Several sessions: each has its owner.
    for (let i = 0; i < 6; i++) {
      const session = await open(i % 3)
      const fields = await sign(session, 'POST', path)
      said.push(outcome(await send(i % 3, 'POST', path, fields)))
      said.push(outcome(await send((i + 1) % 3, 'POST', path, fields)))
    }
    return [...new Set(said)].sort()
  }

  it('is refused where the owner of the session is asked', async () => {
    assert.deepEqual(await shownTwice('/owner/pay'), ['401 replay', 'passed'])
  })

  it('is refused where Redis is asked', async () => {
    assert.deepEqual(await shownTwice('/cluster/pay'), ['401 replay', 'passed'])
  })

  it('says fresh to exactly one of three edges that are shown it at once', async () => {
    for (const path of ['/owner/pay', '/cluster/pay']) {
      const session = await open(0)
      const fields = await sign(session, 'POST', path)
      const said = await Promise.all(
        [...IDS.keys()].map(async (edge) => outcome(await send(edge, 'POST', path, fields))),
      )
      assert.deepEqual(said.sort(), ['401 replay', '401 replay', 'passed'], path)
    }
  })

  it('is answered 503 while nobody can say, and only where somebody else is asked', async () => {
    const session = await open(0)
    await redis.kill()
    try {
      assert.equal(await ask(0, session, 'POST', '/cluster/pay'), '503 replay_unavailable')
      assert.equal(await ask(0, session, 'GET', '/cluster/pay'), 'passed')
      assert.equal(await ask(0, session, 'POST', '/pay'), 'passed')
    } finally {
      await redis.start()
    }
    await until('Redis again', 10_000, async () => {
      return (await ask(0, session, 'POST', '/cluster/pay')) === 'passed'
    })
  })
})

describe('the cluster API', () => {
  const knock = (path: string, id: string, ca = 'ca.pem'): Promise<number | string> =>
    new Promise((resolve) => {
      const file = (name: string) => readFileSync(join(folder, id, name))
      const sent = httpsRequest(
        {
          ...{ host: '127.0.0.1', port: clusterPort, path, servername: 'keys.limen' },
          ...(id === '' ? {} : { cert: file('cert.pem'), key: file('key.pem') }),
          ca: readFileSync(join(folder, 'edge-1', ca)),
          agent: false,
        },
        (answer) => {
          answer.resume()
          resolve(answer.statusCode ?? 0)
        },
      )
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      sent.end()
    })

  it('lets in nobody without a certificate', async () => {
    assert.match(String(await knock('/v1/stek', '')), /^(?:ECONNRESET|EPIPE|ERR_SSL_)/)
  })

  it('refuses an edge that is not on the list', async () => {
    issue('stranger')
    assert.equal(await knock('/v1/stek', 'stranger'), 403)
  })

  it('answers an edge, of itself only', async () => {
    assert.equal(await knock('/v1/stek', 'edge-1'), 400, 'without a key to seal to')
    assert.equal(await knock('/v1/feed?since=x', 'edge-1'), 400)
    assert.equal(await knock('/v1/edges/edge-2/held', 'edge-1'), 404)
  })
})

describe('edges whose key server was killed', () => {
  it('go on, then by their policy, and are as before when it comes back', async () => {
    const session = await open(1)
    keyServer.signal('SIGKILL')
    await keyServer.ended
    for (const edge of IDS.keys()) assert.equal(await ask(edge, session), 'passed')
    await until('the policy for a silent feed', 25_000, async () => {
      const said = await Promise.all([...IDS.keys()].map((edge) => ask(edge, session)))
      return said.every((one) => one === '503 feed_silent')
    })
    const { clean } = keyServer
    keyServer = await startLimen(keyConfig, 'keys')
    await clean()
    await until('all as before', 20_000, async () => {
      const said = await Promise.all([...IDS.keys()].map((edge) => ask(edge, session)))
      return said.every((one) => one === 'passed')
    })
    const next = await open(2)
    for (const edge of IDS.keys()) assert.equal(await ask(edge, next), 'passed')
    await until('all to hold the keys', 5_000, allHold)
  })
})
