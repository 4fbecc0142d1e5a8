/**
 * Sessions of many tenants that begin at one edge and go on at another, as when a crowd is more than the first can take:
 * `node session-crowd.ts JSON FILE`, JSON a {@link SessionCrowd}. Each session is opened at each side, asks there once, and then at the
 * side's second edge; one that is told to come again (503) does, after a second. Writes {@link SessionMoves} of each side as JSON.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import { proofFields } from '../../src/apps/browser/sign-request.ts'
import { openSession } from '../../test/open-session.ts'

export interface SessionCrowd {
  readonly sides: readonly {
    readonly name: string
    /** Ports of the edge where sessions begin, and of that where they go on. */
    readonly first: number
    readonly second: number
  }[]
  /** Each of a tenant; a session is of one of them by chance. */
  readonly hosts: readonly string[]
  readonly stepS: number
  /** Sessions per second that go on at the second edge, step by step. */
  readonly rates: readonly number[]
}

/** What became of the first requests at the second edge. */
export interface SessionMoves {
  sessions: number
  found: number
  /** Their key was fetched: 503, and well when tried again. */
  waited: number
  lost: number
  /** Seconds from the beginning to the first of them; -1: there was none. */
  firstS: number
}

const PATH = '/session'
const TRIES = 5
const RETRY_MS = 1000
const TIMEOUT_MS = 10_000

interface Answer {
  readonly status: number
  readonly body: Buffer
}

const [text = '{}', file = ''] = process.argv.slice(2)
const { sides, hosts, stepS, rates } = JSON.parse(text) as SessionCrowd
const agent = new Agent({ keepAlive: true })
const moves: Record<string, SessionMoves> = {}
for (const { name } of sides) {
  moves[name] = { sessions: 0, found: 0, waited: 0, lost: 0, firstS: -1 }
}
const began = performance.now()
const nowS = (): number => (performance.now() - began) / 1000
let open = 0

function send(
  port: number,
  host: string,
  method: string,
  path: string,
  fields: Readonly<Record<string, string>> = {},
  body: Uint8Array = Buffer.alloc(0),
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { host, 'content-length': String(body.length), ...fields }
    const options = { agent, host: '127.0.0.1', port, method, path, headers, timeout: TIMEOUT_MS }
    const sent = request(options, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(pieces) })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    sent.on('error', reject).end(body)
  })
}

async function ask(port: number, host: string, session: Session): Promise<number> {
  const url = new URL(PATH, `http://${host}`)
  const fields = await proofFields(session, { method: 'GET', url }, Date.now() / 1000)
  return (await send(port, host, 'GET', PATH, fields)).status
}

async function goThrough(
  { name, first, second }: SessionCrowd['sides'][number],
  host: string,
): Promise<void> {
  const of = moves[name]
  if (of === undefined) return
  of.sessions++
  try {
    const session = await openSession(`http://${host}`, (...sent) => send(first, host, ...sent))
    if ((await ask(first, host, session)) !== 200) throw new Error('Not served where it began')
    if (of.firstS < 0) of.firstS = nowS()
    let status = await ask(second, host, session)
    if (status === 200) of.found++
    for (let tries = 0; status === 503 && tries < TRIES; tries++) {
      await delay(RETRY_MS)
      status = await ask(second, host, session)
      if (status === 200) of.waited++
    }
    if (status !== 200) of.lost++
  } catch {
    of.lost++
  }
}

/** The same tenant at the same moment on each side. */
function arrive(host: string): void {
  for (const side of sides) {
    open++
    void goThrough(side, host).finally(() => open--)
  }
}

/** By the clock, not by timers that come late. Rates are looked at every so often, for most of the time nobody comes. */
const LOOK_MS = 20
let due = 0
const timer = setInterval(() => {
  const rate = rates[Math.floor(nowS() / stepS)]
  if (rate === undefined) {
    if (open > 0) return
    clearInterval(timer)
    writeFileSync(file, JSON.stringify(moves))
    process.exit()
  }
  due += (rate * LOOK_MS) / 1000
  for (; due >= 1; due--) arrive(hosts[Math.floor(Math.random() * hosts.length)] ?? '')
}, LOOK_MS)
