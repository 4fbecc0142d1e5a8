/**
 * A whole Limen in front of two sites, with tiers by behavior, for tests: visitors who type like machines, clients of HTTP/1.1
 * and HTTP/2, servers that answer in all the ways a cache must tell apart.
 *
 * @module
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { Agent, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { seededFraction } from '../../src/math/seeded-chance.ts'
import type { BehaviorBatch } from '../../src/wire/behavior-batch.ts'
import { freePorts } from '../free-ports.ts'
import { type Answered, Visitor } from './behavior-visitor.ts'
import { startLimen, until } from './fleet-under-test.ts'

/** Workers are told soon, and a loaded machine takes its time. */
export const TOLD_WITHIN_MS = 20_000
/** Pauses that are looked at are those within words; some more than are needed. */
const ROBOT_BATCHES = 7
const ROBOT_KEYS = 40

type Fields = Readonly<Record<string, string>>
export type Ask = (path: string, fields?: Fields, method?: string) => Promise<Answered>

/** Types evenly: 6 digits, whoever it says it is. */
export function robotBatches(): BehaviorBatch[] {
  const chance = seededFraction(77)
  const context = { device: 'desktop', touch: false, portrait: false, keyboard: 'qwerty' } as const
  let atMs = 1000
  return Array.from({ length: ROBOT_BATCHES }, () => {
    const fromMs = atMs
    const records = Array.from({ length: ROBOT_KEYS }, () => {
      atMs += 95 + Math.floor(10 * chance())
      const holdMs = 60 + Math.floor(8 * chance())
      return { kind: 'key', atMs, holdMs, class: 'letter', field: 2 } as const
    })
    return { fromMs, lastedMs: atMs - fromMs + 200, context, place: 7, records }
  })
}

/** A visitor who has reached that tier by typing so. */
export async function robotAt(port: number, tier: number): Promise<Visitor> {
  const robot = new Visitor(port)
  await robot.consent()
  for (const batch of robotBatches()) await robot.tell(batch)
  await until(`tier ${tier}`, TOLD_WITHIN_MS, async () => (await robot.me()).tier === tier)
  return robot
}

/** How often each target was asked for, and who waits for `/slow` to be let go. */
export class Site {
  readonly server: Server
  readonly asked = new Map<string, number>()
  readonly name: string
  #waiting: (() => void)[] = []

  constructor(name: string) {
    this.name = name
    this.server = createServer((asked, response) => this.#answer(asked, response))
  }

  get port(): number {
    return (this.server.address() as AddressInfo | null)?.port ?? 0
  }

  async listen(): Promise<this> {
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    return this
  }

  countOf(target: string): number {
    return this.asked.get(target) ?? 0
  }

  letGo(): void {
    for (const go of this.#waiting.splice(0)) go()
  }

  #answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const count = this.countOf(url) + 1
    this.asked.set(url, count)
    const { pathname } = new URL(url, 'http://site.invalid')
    const body = JSON.stringify({
      ...{ name: this.name, url, count, host: headers.host, seen: headers['x-forwarded-host'] },
      coding: headers['accept-encoding'] ?? '',
    })
    const send = (fields: Fields = {}): void => {
      response.writeHead(200, { 'cache-control': 'public, max-age=60', ...fields }).end(body)
    }
    const ways: Readonly<Record<string, () => void>> = {
      '/page': () => send({ etag: '"v1"', vary: 'Accept-Encoding', age: '3', 'x-name': 'é' }),
      '/chunked': () => {
        response.writeHead(200, { 'cache-control': 's-maxage=60' })
        response.write(body.slice(0, 9))
        setTimeout(() => response.end(body.slice(9)), 20)
      },
      '/trailer': () => {
        response.writeHead(200, { 'cache-control': 'public, max-age=60' })
        response.addTrailers({ 'x-sum': '1' })
        response.end(body)
      },
      '/second': () => send({ 'cache-control': 'public, max-age=1' }),
      '/private': () => send({ 'cache-control': 'private, max-age=60' }),
      '/heuristic': () => send({ 'cache-control': 'max-age=60' }),
      '/cookie': () => send({ 'set-cookie': 'id=1' }),
      '/user': () => send({ 'limen-user': '4711' }),
      '/agent': () => send({ vary: 'User-Agent' }),
      '/part': () => send({ 'content-range': 'bytes 0-1/9' }),
      '/slow': () => void this.#waiting.push(send),
      '/cut': () => {
        // The first time half of it.
        const whole = { 'cache-control': 'public, max-age=60', 'content-length': body.length }
        response.writeHead(200, whole)
        if (count > 1) response.end(body)
        else response.write(body.slice(0, 20), () => response.destroy())
      },
      '/close': () => {
        const head = 'HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\n\r\n'
        response.socket?.end(`${head}${body}`)
      },
    }
    const way = ways[pathname]
    if (way === undefined) response.writeHead(404).end()
    else way()
  }
}

const sites: Site[] = []
const agents: Agent[] = []
const sessions: ClientHttp2Session[] = []

/** With one worker: each has a cache of its own. */
export async function startAt(behavior: object, route: object = {}) {
  const [open, sandbox] = [await new Site('open').listen(), await new Site('sandbox').listen()]
  sites.push(open, sandbox)
  const [port = 0] = await freePorts(1)
  const poolOf = (name: string, site: Site) => ({
    name,
    servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }],
  })
  const limen = await startLimen({
    workers: 1,
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
    pools: [poolOf('open', open), poolOf('sandbox', sandbox)],
    routes: [{ pool: 'open', pools: { tier3: 'sandbox' }, ...route }],
    behavior: { mode: 'enforce', thresholds: 'fixed', everyMs: 2000, ...behavior },
  })
  return { limen, port, open, sandbox }
}

export function overHttp1(port: number): Ask {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  agents.push(agent)
  return (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const where = { host: 'localhost', port, method, path, headers, agent }
      const sent = request(where, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
        response.on('end', () => {
          const { statusCode: status = 0, headers: fields } = response
          resolve({ status, fields, body: Buffer.concat(pieces).toString() })
        })
      })
      sent.on('error', reject).end()
    })
}

export function overHttp2(port: number): Ask {
  const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
  sessions.push(session)
  return async (path, { host, ...fields } = {}, method = 'GET') => {
    const authority = host === undefined ? {} : { ':authority': host }
    const stream = session.request({ ':path': path, ':method': method, ...authority, ...fields })
    stream.end()
    const [head] = (await once(stream, 'response')) as [Answered['fields']]
    const pieces: Buffer[] = []
    for await (const piece of stream) pieces.push(piece as Buffer)
    const body = Buffer.concat(pieces).toString()
    return { status: Number(head[':status']), fields: head, body }
  }
}

/** Of all tests of this process. */
export function closeTiers(): void {
  for (const agent of agents) agent.destroy()
  for (const session of sessions) session.destroy()
  for (const { server } of sites) server.close().closeAllConnections()
}
