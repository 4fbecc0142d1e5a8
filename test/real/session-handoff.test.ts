/**
 * Sessions that go from one server to another, with a whole Limen of two workers and servers that are processes: clients
 * notice nothing, the old server hears of it once, signed, and what it knows is at the new one before the first request.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import { proofFields } from '../../src/apps/browser/sign-request.ts'
import { freePorts } from '../free-ports.ts'
import { openSession } from '../open-session.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const HOST = 'shop.test'
const ORIGIN = `http://${HOST}`
const WELL_KNOWN = '/.well-known/limen'
const PROCESS = join(import.meta.dirname, 'handoff-origin-process.ts')
const IDS = ['a', 'b', 'c'] as const
type Id = (typeof IDS)[number]

interface Heard {
  readonly kind: 'notice' | 'state'
  readonly server: string
  readonly method: string
  readonly path: string
  readonly fields: Readonly<Record<string, string>>
  readonly body: string
}
interface Notice {
  readonly v: number
  readonly sid: string
  readonly gen: number
  readonly from: string
  readonly to: string
  readonly reason: string
  readonly at_ms: number
  readonly nonce: string
}
interface Answer {
  readonly status: number
  readonly body: Buffer
}
type Fields = Readonly<Record<string, string>>

let folder = ''
let log = ''
let limen: LimenUnderTest
let port = 0
let metricsPort = 0
let ports: number[] = []
const children = new Map<Id, ChildProcess>()

async function begin(id: Id, manner = 'hands'): Promise<void> {
  const args = [PROCESS, id, String(ports[IDS.indexOf(id)]), log, manner]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  children.set(id, child)
}
async function kill(id: Id): Promise<void> {
  const child = children.get(id)
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
async function again(id: Id, manner = 'hands'): Promise<void> {
  await kill(id)
  await begin(id, manner)
  await until(`${id} to be up`, 10_000, async () => {
    await new Promise((resolve) => setTimeout(resolve, 200))
    return (await limen.upstreams()).some((one) => one.id === id && one.state === 'up')
  })
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-handoff-'))
  log = join(folder, 'heard')
  writeFileSync(log, '')
  ;[port = 0, metricsPort = 0, ...ports] = await freePorts(2 + IDS.length)
  await Promise.all(IDS.map((id) => begin(id)))
  limen = await startLimen({
    workers: 2,
    listeners: [{ name: 'web', address: `127.0.0.1:${port}` }],
    pools: [
      {
        name: 'site',
        servers: IDS.map((id, i) => ({ id, address: `127.0.0.1:${ports[i]}` })),
        affinity: { session: true },
        handoff: { state: true },
        // A server that is back is to be used again soon.
        outlier: { ejectMs: 500 },
        health: { path: '/healthz', intervalMs: 200, timeoutMs: 200, rise: 1, fall: 2 },
      },
    ],
    routes: [{ pool: 'site', sessionKey: 'required', session: { bodyDigest: false } }],
    sessions: { enabled: true, hosts: [HOST] },
    metrics: { address: `127.0.0.1:${metricsPort}` },
  })
})
after(async () => {
  await limen.clean()
  for (const id of IDS) await kill(id)
  rmSync(folder, { recursive: true, force: true })
})

/** Over a connection of its own: either worker may get it. */
const send = (
  method: string,
  path: string,
  fields: Fields = {},
  body: Uint8Array = Buffer.alloc(0),
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = { host: HOST, 'content-length': String(body.length), ...fields }
    const where = { host: '127.0.0.1', port, method, path, headers, agent: false }
    const sent = request(where, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(pieces) }),
      )
    })
    sent.on('error', reject).end(body)
  })

const open = (): Promise<Session> => openSession(ORIGIN, send)
const idOf = ({ sessionId }: Session): string => Buffer.from(sessionId).toString('base64url')
const sign = (session: Session, method: string, path: string): Promise<Fields> =>
  proofFields(session, { method, url: new URL(path, ORIGIN) }, Date.now() / 1000)

interface Served {
  readonly id: Id
  readonly state?: string
}
async function ask(session: Session, path = '/'): Promise<Served> {
  const { status, body } = await send('GET', path, await sign(session, 'GET', path))
  assert.equal(status, 200, body.toString())
  return JSON.parse(body.toString()) as Served
}

const heard = (): Heard[] =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Heard)
const noticeOf = ({ body }: Heard): Notice =>
  JSON.parse(Buffer.from(body, 'base64').toString()) as Notice
/** A notice that was heard, but not answered in time, is said again: its nonce tells. */
const noticesOf = (session: Session): { readonly at: string; readonly notice: Notice }[] =>
  heard()
    .filter(({ kind }) => kind === 'notice')
    .map((one) => ({ at: one.server, notice: noticeOf(one) }))
    .filter(({ notice }) => notice.sid === idOf(session))
    .filter(({ notice }, i, all) => all.findIndex((one) => one.notice.nonce === notice.nonce) === i)

async function counted(reason: string, result: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  const label = `limen_session_handoffs_total{reason="${reason}",result="${result}"}`
  const line = text.split('\n').find((each) => each.startsWith(label))
  return Number(line?.slice(label.length) ?? 0)
}

/** A server verifies what it hears by the JWKS alone (RFC 9421, RFC 9530). */
async function isAuthentic({ method, path, fields, body }: Heard): Promise<boolean> {
  const jwks = JSON.parse((await send('GET', `${WELL_KNOWN}/jwks.json`)).body.toString()) as {
    readonly keys: readonly {
      readonly kid: string
      readonly kty: string
      readonly crv: string
      readonly x: string
    }[]
  }
  const content = Buffer.from(body, 'base64')
  const digest = `sha-256=:${createHash('sha256').update(content).digest('base64')}:`
  const input = fields['signature-input'] ?? ''
  const parameters = input.slice('lim='.length)
  const kid = /;keyid="([^"]+)"/.exec(input)?.[1]
  const jwk = jwks.keys.find((key) => key.kid === kid)
  if (jwk === undefined || fields['content-digest'] !== digest) return false
  const base = [
    `"@method": ${method}`,
    `"@authority": ${fields['host']}`,
    `"@path": ${path}`,
    `"content-type": ${fields['content-type']}`,
    `"content-digest": ${digest}`,
    `"@signature-params": ${parameters}`,
  ].join('\n')
  const signature = Buffer.from((fields['signature'] ?? '').slice('lim=:'.length, -1), 'base64')
  const covers = '("@method" "@authority" "@path" "content-type" "content-digest");created='
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  return parameters.startsWith(covers) && verify(null, Buffer.from(base), key, signature)
}

describe('a session', () => {
  it('stays on its server, whatever worker it meets', async () => {
    const sessions = await Promise.all(Array.from({ length: 12 }, open))
    const servers = new Set<string>()
    for (const session of sessions) {
      const { id } = await ask(session)
      servers.add(id)
      const more = await Promise.all(Array.from({ length: 12 }, () => ask(session)))
      assert.ok(more.every((one) => one.id === id))
      assert.deepEqual(noticesOf(session), [])
    }
    assert.ok(servers.size > 1, 'not all are on one')
  })

  it('goes from a draining server with its state, told once by two workers', async () => {
    const session = await open()
    const { id: old } = await ask(session)
    const movedBefore = await counted('drain', 'moved')
    await limen.changeServer(old, { draining: true })
    const answers = await Promise.all(Array.from({ length: 24 }, () => ask(session)))
    const to = answers[0]?.id ?? ''
    assert.notEqual(to, old)
    for (const one of answers) assert.deepEqual(one, { id: to, state: `>${old}` })
    const notices = noticesOf(session)
    assert.equal(notices.length, 1)
    const { v, sid, gen, from, reason, nonce, at_ms: at } = notices[0]?.notice ?? ({} as Notice)
    assert.deepEqual(
      { v, sid, gen, from, reason, at: notices[0]?.at, to: notices[0]?.notice.to },
      { v: 1, sid: idOf(session), gen: 1, from: old, reason: 'drain', at: old, to },
    )
    assert.match(nonce, /^[A-Za-z0-9_-]{16}$/)
    assert.ok(Math.abs(Date.now() - at) < 60_000)
    const mine = heard().filter(({ path, body }) =>
      `${path} ${Buffer.from(body, 'base64')}`.includes(idOf(session)),
    )
    assert.deepEqual(
      mine.map(({ kind, server }) => [kind, server]),
      [
        ['notice', old],
        ['state', to],
      ],
    )
    for (const one of mine) assert.ok(await isAuthentic(one), one.kind)
    const [forged] = mine
    assert.ok(forged !== undefined)
    assert.equal(await isAuthentic({ ...forged, path: '/other' }), false)
    assert.equal(await isAuthentic({ ...forged, body: '' }), false)
    await until('the count', 5_000, async () => (await counted('drain', 'moved')) > movedBefore)

    // It has a place now: that the old one is back is no reason to move again.
    await limen.changeServer(old, { draining: false })
    for (let n = 0; n < 6; n++) assert.equal((await ask(session)).id, to)
    assert.equal(noticesOf(session).length, 1)
  })

  it('goes from a killed server; that one hears of it when it is back', async () => {
    const sessions = await Promise.all(Array.from({ length: 6 }, open))
    const places = await Promise.all(sessions.map((session) => ask(session)))
    const old = places[0]?.id ?? 'a'
    const there = sessions.filter((_, i) => places[i]?.id === old)
    const lateBefore = await counted('fail', 'late')
    await kill(old)
    for (const session of there) {
      const answers = await Promise.all(Array.from({ length: 6 }, () => ask(session)))
      assert.ok(answers.every(({ id }) => id !== old))
    }
    for (const session of there) assert.deepEqual(noticesOf(session), [])
    await again(old)
    await until('the notices', 10_000, () =>
      there.every((session) => noticesOf(session).length > 0),
    )
    for (const session of there) {
      const [first] = noticesOf(session)
      assert.deepEqual([first?.at, first?.notice.from, first?.notice.reason], [old, old, 'fail'])
    }
    await until('the count', 5_000, async () => (await counted('fail', 'late')) > lateBefore)
    const notices = heard().filter(({ kind, server }) => kind === 'notice' && server === old)
    assert.ok(await isAuthentic(notices.at(-1) as Heard))
  })

  it('goes from a server that has much more to do than others', async () => {
    const session = await open()
    const { id: old } = await ask(session)
    const slow = Array.from({ length: 160 }, () => ask(session, '/?ms=600'))
    const served = new Set((await Promise.all(slow)).map(({ id }) => id))
    assert.ok(served.size > 1)
    const reasons = noticesOf(session).map(({ notice }) => notice.reason)
    assert.ok(reasons.length > 0 && reasons.every((reason) => reason === 'load'))
    assert.equal(noticesOf(session)[0]?.at, old)
  })

  it('does not wait for a server that does not answer', async () => {
    for (const id of IDS) await again(id, 'holds')
    const session = await open()
    const { id: old } = await ask(session)
    await limen.changeServer(old, { draining: true })
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(session)))
    assert.ok(answers.every(({ id, state }) => id !== old && state === undefined))
    await limen.changeServer(old, { draining: false })
  })

  it('goes without state where there is none', async () => {
    for (const id of IDS) await again(id, 'keeps')
    const session = await open()
    const { id: old } = await ask(session)
    await limen.changeServer(old, { draining: true })
    const { id, state } = await ask(session)
    assert.ok(id !== old && state === undefined)
    // All servers were just begun again: who was told there before is told again first.
    await until('the notice', 15_000, () => noticesOf(session).length === 1)
    await limen.changeServer(old, { draining: false })
  })
})

describe('a client', () => {
  it('cannot say what only the edge may', async () => {
    const session = await open()
    const paths = [
      ...['/handoff', '/handoff/', '/hand%6fff', '/./handoff', '/HANDOFF', '/x/../handoff'],
      ...['/session-state/x', '/session-state', '/session%2dstate/x', '/handoff?x', '/handoff;x'],
    ]
    for (const path of paths.map((each) => `${WELL_KNOWN}${each}`)) {
      for (const method of ['POST', 'PUT', 'GET']) {
        const fields = await sign(session, method, path)
        assert.equal((await send(method, path, fields)).status, 404, `${method} ${path}`)
      }
    }
    // Late notices of the edge's own may still come.
    const others = heard().filter(({ fields }) => fields['user-agent'] !== 'limen-handoff')
    assert.deepEqual(others, [])
  })
})
