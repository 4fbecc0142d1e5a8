/**
 * Keys placed ahead (`place-keys-ahead`) by a key server and three edges, four processes on loopback: the sessions of a group that
 * only one edge serves go to the others when it drains. Measured is the share of their first requests that find the key
 * there, without placement and with it; no request is lost either way.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import { proofFields } from '../../src/apps/browser/sign-request.ts'
import type {
  EdgeView,
  KeysView,
  PlacementsView,
} from '../../src/apps/server/key-server/key-views.ts'
import { freePorts } from '../free-ports.ts'
import { openSession } from '../open-session.ts'
import { complaintsOf, violations, WIDE } from './console-desk.ts'
import { buildConsole } from './demo-under-test.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import {
  askAdmin,
  type ConfigText,
  type LimenUnderTest,
  startLimen,
  until,
} from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const IDS = ['edge-1', 'edge-2', 'edge-3'] as const
/** Of group 2, which the first edge alone serves. */
const HOST = 'other.test'
const SESSIONS = 200
/** Clients that ask at once. */
const AT_ONCE = 16
const TICKET_S = 60
const KEEP_S = 5
/** A report of first requests every 5 s, a look each second. */
const HEARD_MS = 8_000
/** A step of the console that takes longer has failed. */
const STEP_MS_MAX = 25_000

let folder = ''
let site: EdgeOrigin
let keyServer: LimenUnderTest
const edges: LimenUnderTest[] = []
let ports: number[] = []
let server: Readonly<Record<string, string>> = {}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-place-'))
  site = await startEdgeOrigin()
  const [http = 0, cluster = 0, ...more] = await freePorts(2 + IDS.length)
  ports = more
  server = { address: `127.0.0.1:${cluster}`, http: `127.0.0.1:${http}` }
  await buildConsole()
  keyServer = await startLimen(keyConfig('observe'), 'keys')
  // One after the other: each has all the time there is to become ready.
  for (const [i, id] of IDS.entries()) edges.push(await startEdge(id, i))
})
after(async () => {
  for (const limen of [...edges, keyServer]) await limen.clean()
  await site.close()
  rmSync(folder, { recursive: true })
})

function keyConfig(mode: 'observe' | 'act'): ConfigText {
  return {
    data: join(folder, 'data'),
    forecast: { mode },
    sessions: {
      enabled: true,
      hosts: ['shop.test', HOST],
      groups: [{ id: 1 }, { id: 2, hosts: [HOST] }],
      ticketS: TICKET_S,
      // A tenth of it for one address.
      openPerSecondMax: 5000,
      listen: server['http'],
      cluster: { address: server['address'], placement: { leadS: 60, keepS: KEEP_S } },
    },
  }
}
async function startEdge(id: string, i: number): Promise<LimenUnderTest> {
  execFileSync(LIMEN, ['cluster', 'issue', id, '-c', keyFile(), '--to', join(folder, id)])
  return await startLimen({
    workers: 1,
    listeners: [{ name: 'web', address: `127.0.0.1:${ports[i]}` }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
    routes: [
      {
        ...{ path: '/', pool: 'site', sessionKey: 'required' },
        session: { replay: 'edge', bodyDigest: false },
      },
    ],
    sessions: {
      server: { ...server, credentials: join(folder, id) },
      serves: i === 0 ? [1, 2] : [1],
    },
  })
}
const keyFile = (): string => join(keyServer.folder, 'limen.yaml')
/** It knows nothing of where sessions came before. */
const restartKeyServer = async (): Promise<void> => {
  const { ended, clean, signal } = keyServer
  signal('SIGTERM')
  await ended
  rmSync(join(folder, 'data', 'forecasts'), { recursive: true })
  keyServer = await startLimen(keyConfig('act'), 'keys')
  await clean()
}
function limen(...args: string[]): string {
  const env = { ...process.env, LIMEN_TOKEN_FILE: join(folder, 'data', 'admin-token') }
  return execFileSync(LIMEN, [...args, '-c', keyFile()], { env, encoding: 'utf8' })
}

interface Answer {
  readonly status: number
  readonly code: string
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
        resolve({ status, code, body: Buffer.concat(pieces) })
      })
    })
    sent.on('error', reject).end(body)
  })
const open = (edge: number): Promise<Session> =>
  openSession(`http://${HOST}`, (...sent) => send(edge, ...sent))
/** `passed`, or why not. Rejects when nobody is there. */
const ask = async (edge: number, session: Session): Promise<string> => {
  const url = new URL('/echo', `http://${HOST}`)
  const fields = await proofFields(session, { method: 'GET', url }, Date.now() / 1000)
  const { status, code } = await send(edge, 'GET', '/echo', fields)
  return code === '' && status < 500 ? 'passed' : `${status} ${code}`
}
/** For what takes a while: the admin API answers some hundred times in a few seconds. */
const slowly = (isTrue: () => Promise<boolean>) => async (): Promise<boolean> => {
  await pause(200)
  return await isTrue()
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
/** With some at once, as clients are. */
const eachAtOnce = async <T, R>(all: readonly T[], run: (one: T, i: number) => Promise<R>) => {
  const results: R[] = []
  const left = [...all.entries()]
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [i, one] = next
      results[i] = await run(one, i)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return results
}
const openMany = (edge: number, count: number): Promise<Session[]> =>
  eachAtOnce(Array.from({ length: count }), () => open(edge))

/** Moves to another edge: how its first request fared, and what came of it when it was tried again as 503 asks for. */
const move = async (session: Session, to: number): Promise<readonly [string, string]> => {
  const first = await ask(to, session)
  let last = first
  for (let tries = 0; last.startsWith('503') && tries < 5; tries++) {
    // Retry-After: 1.
    await pause(1000)
    last = await ask(to, session)
  }
  return [first, last]
}
const shareFound = (moves: readonly (readonly [string, string])[]): number =>
  moves.filter(([first]) => first === 'passed').length / moves.length
const otherEdge = (i: number): number => 1 + (i % 2)

const admin = (method: string, path: string, body?: unknown): Promise<Response> =>
  askAdmin(keyServer, join(folder, 'data'), method, path, body)
const placements = async () =>
  (await (await admin('GET', '/v1/keys/placements')).json()) as PlacementsView
const edgeViews = async () => (await (await admin('GET', '/v1/edges')).json()) as EdgeView[]
const placedAt = async () =>
  (await edgeViews())
    .map(({ id, placed }) => `${id}:${placed.join(',')}`)
    .sort()
    .join(' ')
const allHold = async (): Promise<boolean> => {
  const { groups } = (await (await admin('GET', '/v1/keys')).json()) as KeysView
  const epochs = groups.flatMap((group) => group.epochs)
  return epochs.every(({ heldBy, workers }) => heldBy === workers && workers > 0)
}
const connected = async (count: number): Promise<boolean> =>
  (await edgeViews()).filter(({ state }) => state === 'connected').length === count
const seenAt = async (edge: string, sessions: number): Promise<boolean> => {
  const { firstRequests } = await placements()
  return firstRequests.some((one) => one.edge === edge && one.sessions >= sessions)
}
const scrape = async ({ folder: of }: LimenUnderTest): Promise<string[]> => {
  const { metrics } = JSON.parse(readFileSync(join(of, 'limen.yaml'), 'utf8')) as {
    metrics: { address: string }
  }
  return (await (await fetch(`http://${metrics.address}/metrics`)).text()).split('\n')
}

/** The key server's page of forecasts. */
async function onConsole(look: (page: Page) => Promise<void>): Promise<void> {
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  try {
    const page = await browser.newPage({ viewport: WIDE })
    const complaints = complaintsOf(page)
    page.setDefaultTimeout(STEP_MS_MAX)
    await page.goto(`${keyServer.adminUrl}/#/forecast`)
    await page.getByRole('heading', { name: 'Keys placed ahead' }).waitFor()
    await look(page)
    assert.deepEqual(complaints, [])
  } finally {
    await browser.close()
  }
}

/** Not shown at the edges yet when they were placed. */
let spare: Session[] = []
let spareSince = 0
let without = Number.NaN

describe('the sessions of an edge that drains', () => {
  it('wait for their key at the others where nothing is placed, and are not lost', async () => {
    await until(
      'edges with keys',
      10_000,
      slowly(async () => (await connected(3)) && (await allHold())),
    )
    const sessions = await openMany(0, SESSIONS)
    const said = await eachAtOnce(sessions, (session) => ask(0, session))
    assert.deepEqual([...new Set(said)], ['passed'])
    await until(
      'the sessions to be counted',
      HEARD_MS,
      slowly(() => seenAt('edge-1', SESSIONS)),
    )
    assert.match(limen('cluster', 'drain', 'edge-1'), /edge-1 .*drains at/)
    const shown = await placements()
    assert.deepEqual(
      shown.placements.map(({ edge, group, state, reason }) => [edge, group, state, reason]),
      [
        ['edge-2', 2, 'shown', 'drain'],
        ['edge-3', 2, 'shown', 'drain'],
      ],
    )
    assert.equal(await placedAt(), 'edge-1: edge-2: edge-3:')
    const moves = await eachAtOnce(sessions, (session, i) => move(session, otherEdge(i)))
    assert.deepEqual([...new Set(moves.map(([, last]) => last))], ['passed'], 'none is lost')
    await onConsole(async (page) => {
      await page.getByText('it is only shown what would be').waitFor()
      // Reports come every 5 s.
      await page
        .getByRole('row', { name: 'edge-3 group 2' })
        .getByText(/[1-9]\d* missed/)
        .waitFor()
    })
    without = shareFound(moves)
    assert.ok(without < 0.99, String(without))
    const found = (await scrape(edges[2] as LimenUnderTest)).find((line) =>
      line.startsWith('limen_session_key_first_requests_total{group="2",found="no"}'),
    )
    assert.match(found ?? '', / [1-9]\d*$/)
  })

  it('find their key at the others where it was placed ahead, 99 % and more of them', async (t) => {
    await restartKeyServer()
    await until(
      'the edges',
      15_000,
      slowly(async () => (await connected(3)) && (await allHold())),
    )
    assert.equal(await placedAt(), 'edge-1: edge-2: edge-3:')
    const sessions = await openMany(0, SESSIONS)
    for (const said of await eachAtOnce(sessions, (session) => ask(0, session))) {
      assert.equal(said, 'passed')
    }
    await until(
      'the sessions to be counted',
      HEARD_MS,
      slowly(() => seenAt('edge-1', SESSIONS)),
    )
    limen('cluster', 'drain', 'edge-1', '--in', '30')
    await until('the keys to be held', 5_000, async () => {
      const { placements: all } = await placements()
      return all.length === 2 && all.every(({ state }) => state === 'held')
    })
    assert.equal(await placedAt(), 'edge-1: edge-2:2 edge-3:2')
    assert.match(limen('keys', 'placements'), /edge-3 +2 +held .* edge-1 drains or is gone/)
    await onConsole(async (page) => {
      const row = page.getByRole('row', { name: 'edge-3 group 2' })
      await row.getByText('held', { exact: true }).waitFor()
      assert.match((await row.textContent()) ?? '', /edge-1 drains or is gone/)
      await page.getByText('before they come').waitFor()
      assert.deepEqual(await violations(page), [])
    })
    const line = 'limen_session_key_placed{edge="edge-3",group="2"} 1'
    assert.ok((await scrape(keyServer)).includes(line))
    spareSince = Date.now()
    spare = await openMany(0, 20)
    const gone = edges[0] as LimenUnderTest
    gone.signal('SIGTERM')
    const moves = await eachAtOnce(sessions, async (session, i) => {
      for (;;) {
        // As long as it serves it serves; then its port is closed.
        const said = await ask(0, session).catch(() => undefined)
        if (said === undefined) break
        assert.equal(said, 'passed')
        await pause(20)
      }
      return await move(session, otherEdge(i))
    })
    assert.deepEqual([...new Set(moves.map(([, last]) => last))], ['passed'], 'none is lost')
    const share = shareFound(moves)
    const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
    t.diagnostic(
      `first requests that found the key: ${percent(share)} with placement, ${percent(without)} without (${SESSIONS} sessions each)`,
    )
    assert.ok(share >= 0.99, String(share))
    assert.equal(await gone.ended, 0)
  })
})

describe('keys that were placed', () => {
  it('are replaced with all others, and used when their edges hold them, too', async () => {
    const activeOf = async () => {
      const { groups } = (await (await admin('GET', '/v1/keys')).json()) as KeysView
      const epochs = groups.find(({ group }) => group === 2)?.epochs ?? []
      return epochs.find(({ state }) => state === 'active')
    }
    const before = (await activeOf())?.epoch ?? 0
    await admin('POST', '/v1/keys/rotate', { what: 'tickets', group: 2, why: '' })
    // The edge that went is waited for until it is away for long.
    const isNext = async (): Promise<boolean> => ((await activeOf())?.epoch ?? 0) > before
    await until('the next key', 20_000, slowly(isNext))
    const holders = (await activeOf())?.holders ?? []
    const placed = holders.filter(({ name }) => /^edge-[23]\//.test(name))
    assert.deepEqual(
      placed.map(({ holds }) => holds),
      [true, true],
    )
    const [session] = await openMany(1, 1)
    assert.ok(session !== undefined)
    assert.deepEqual([await ask(2, session), await ask(1, session)], ['passed', 'passed'])
  })

  it('go on working when the key server is dead, and are as before when it comes back', async () => {
    const { ended, clean } = keyServer
    keyServer.signal('SIGKILL')
    await ended
    const half = spare.splice(0, spare.length / 2)
    for (const session of half) assert.equal(await ask(2, session), 'passed')
    keyServer = await startLimen(keyConfig('act'), 'keys')
    await clean()
    await until(
      'the edges',
      15_000,
      slowly(() => connected(2)),
    )
    await until('keys to be held', 5_000, async () => {
      const { placements: all } = await placements()
      return all.length === 2 && all.every(({ state }) => state === 'held')
    })
    for (const session of spare) assert.equal(await ask(1, session), 'passed')
  })

  it('are taken back when no session has needed them for long', async () => {
    const isGone = async (): Promise<boolean> => (await placedAt()).endsWith('edge-2: edge-3:')
    await until('the keys to be taken back', 1000 * (TICKET_S + KEEP_S) + 30_000, slowly(isGone))
    assert.ok(Date.now() - spareSince > 1000 * TICKET_S, 'not while a ticket is good')
    const session = await open(1)
    assert.equal(await ask(2, session), '503 stek_unknown')
  })
})
