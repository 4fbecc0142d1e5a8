/**
 * An edge that checks session keys, in this process, with the key server's part played by the test: it seals tickets, the
 * worker's own guard opens them. Requests are signed by the browser's code. The clock can be moved.
 *
 * @module
 */
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import http from 'node:http'
import http2 from 'node:http2'
import { Steks } from '../../src/adapters/node/session-crypto.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import { proofFields } from '../../src/apps/browser/sign-request.ts'
import { ReplayDesk } from '../../src/apps/server/replay-desk.ts'
import { type WorkerReplay, workerReplay } from '../../src/apps/server/worker-replay.ts'
import { type WorkerSessions, workerSessions } from '../../src/apps/server/worker-sessions.ts'
import { ROTATION_DEFAULTS } from '../../src/keys/session/rotation-policy.ts'
import type { RouteSettings, SessionKeysGiven } from '../../src/ports/data-plane.ts'
import type { TicketContents } from '../../src/wire/session-ticket.ts'
import { type Echoed, type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { type EdgeSetup, type EdgeUnderTest, startEdge } from './edge-under-test.ts'

export const HOST = 'site.test'
export const GROUP = 1
const EPOCH = 7
export const STEK = ((GROUP << 24) | EPOCH) >>> 0
/** Known to the test, never given to the edge. */
export const STRANGE_STEK = STEK + 1
export const OTHER_GROUP_STEK = ((2 << 24) | EPOCH) >>> 0

export type Version = 'HTTP/1.1' | 'HTTP/2'
export const VERSIONS: readonly Version[] = ['HTTP/1.1', 'HTTP/2']

export interface Asking {
  readonly method?: string
  readonly path?: string
  readonly authority?: string
  readonly fields?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: Uint8Array
}

export interface Answered {
  readonly status: number
  readonly fields: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
  /** The body as it came. */
  readonly bytes?: Buffer
  /** Of our end of the connection: tells connections apart. */
  readonly port: number
}

/** Who holds a session's key. */
export interface Holder {
  readonly id: string
  readonly session: Session
  readonly contents: TicketContents
  /** The fields of a proof for a request. @param now seconds since 1970, the edge's without it */
  sign(asking: Asking, now?: number): Promise<Record<string, string>>
}

export interface SessionEdge {
  readonly edge: EdgeUnderTest
  readonly origin: EdgeOrigin
  readonly worker: WorkerSessions
  readonly desk: ReplayDesk
  /** Seconds since 1970, as the edge sees it. */
  now(): number
  /** Moves the edge's clock. */
  pass(seconds: number): void
  give(more?: Partial<SessionKeysGiven>): void
  holder(change?: Partial<TicketContents>, stekId?: number): Promise<Holder>
  ask(version: Version, asking: Asking): Promise<Answered>
  /** Signs and asks. */
  askAs(holder: Holder, version: Version, asking?: Asking): Promise<Answered>
  /** Another worker of the same edge. */
  neighbour(): Promise<SessionEdge>
  close(): Promise<void>
}

const random = systemRandom()
const KEYS = new Map([STEK, STRANGE_STEK, OTHER_GROUP_STEK].map((id) => [id, random.bytes(32)]))
const sealer = new Steks()
for (const [stekId, key] of KEYS) sealer.add(stekId, key)
const ASSERTION = generateKeyPairSync('ed25519')
const KID = 'kid-of-the-test'

export interface SessionSetup extends Omit<EdgeSetup, 'upstreamPorts' | 'sessions' | 'routes'> {
  readonly session?: RouteSettings['session']
  readonly sessionKey?: RouteSettings['sessionKey']
  /** Instead of one route to all. */
  readonly routes?: EdgeSetup['routes']
  readonly desk?: ReplayDesk
  /** In its place, for a world that fails. */
  readonly replay?: Pick<WorkerReplay, 'meet' | 'saw'>
  readonly origin?: EdgeOrigin
  readonly time?: { ahead: number }
}

export async function startSessionEdge(setup: SessionSetup = {}): Promise<SessionEdge> {
  const time = setup.time ?? { ahead: 0 }
  const clock = { now: () => Date.now() + time.ahead * 1000 }
  const now = (): number => clock.now() / 1000
  const desk = setup.desk ?? new ReplayDesk(now, random)
  const neighbours: WorkerSessions[] = []
  const replay = workerReplay((message) => {
    if (message.kind === 'proofs-seen') {
      for (const one of neighbours) one.sawElsewhere(message.proofs.split(' '), now())
    } else if (message.kind === 'replay-asks') {
      const { batch, scope, proofs } = message
      void desk.answer(scope, proofs).then((letters) => replay.answered(batch, letters))
    }
  }, true)
  const worker = workerSessions(random, setup.replay ?? replay)
  const origin = setup.origin ?? (await startEdgeOrigin())
  const { session, sessionKey = 'required' } = setup
  const route = { host: '', path: '/', sessionKey, ...(session && { session }) }
  const edge = await startEdge({
    ...setup,
    ...{ upstreamPorts: [origin.port], sessions: worker.guard, clock },
    routes: setup.routes ?? [route],
  })
  const give: SessionEdge['give'] = (more) => {
    worker.take({
      keys: [STEK, OTHER_GROUP_STEK].map((stekId) => ({
        stekId,
        key: new Uint8Array(KEYS.get(stekId) ?? []),
      })),
      ...{ onFeedSilent: 'open', rotation: ROTATION_DEFAULTS },
      groups: [{ group: GROUP, hosts: [] }],
      assertion: {
        kid: KID,
        privateKey: new Uint8Array(ASSERTION.privateKey.export({ format: 'der', type: 'pkcs8' })),
      },
      ...more,
    })
  }
  give()
  const clients = new Clients(edge)
  const ask: SessionEdge['ask'] = (version, asking) =>
    version === 'HTTP/2' ? clients.ask2(asking) : clients.ask1(asking)
  return {
    ...{ edge, origin, worker, desk, now, give, ask },
    pass: (seconds) => {
      time.ahead += seconds
    },
    holder: (change = {}, stekId = STEK) => newHolder(now, change, stekId),
    askAs: async (holder, version, asking = {}) => {
      const fields = { ...(await holder.sign(asking)), ...asking.fields }
      return ask(version, { ...asking, fields })
    },
    async neighbour() {
      const other = await startSessionEdge({ ...setup, desk, origin, time })
      neighbours.push(other.worker)
      return other
    },
    async close() {
      clients.close()
      edge.close()
      if (setup.origin === undefined) await origin.close()
    },
  }
}

async function newHolder(
  now: () => number,
  change: Partial<TicketContents>,
  stekId: number,
): Promise<Holder> {
  const at = Math.floor(now())
  const requestKey = random.bytes(32)
  const contents: TicketContents = {
    ...{ flags: 0, suite: 1, epoch: EPOCH, generation: 1, notBefore: at - 5, tier: 1 },
    ...{ rotateAfter: at + 600, expires: at + 900, sessionId: random.bytes(16), requestKey },
    ...{ bodyKey: random.bytes(32), policy: 1, subject: undefined, backend: undefined },
    ...{ softBinding: undefined, deviceKey: random.bytes(32) },
    ...change,
  }
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', new Uint8Array(requestKey), hmac, false, [
    'sign',
  ])
  const ticket = `:${sealer.sealTicket(stekId, contents, random).toString('base64')}:`
  // What signing does not look at is left out.
  const session = { ticket, sessionId: contents.sessionId, requestKey: key } as unknown as Session
  return {
    ...{ session, contents, id: Buffer.from(contents.sessionId).toString('base64url') },
    sign({ method = 'GET', path = '/echo', authority = HOST, body }, at = now()) {
      const url = new URL(`https://${authority}${path}`)
      const request = { method, url, ...(body && { body: new Uint8Array(body).buffer }) }
      return proofFields(session, request, at)
    },
  }
}

/** Kept connections, as browsers have them. */
class Clients {
  readonly #edge: EdgeUnderTest
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  #h2: http2.ClientHttp2Session | undefined

  constructor(edge: EdgeUnderTest) {
    this.#edge = edge
  }

  ask1(asking: Asking): Promise<Answered> {
    const { method = 'GET', path = '/echo', authority = HOST, fields = {}, body } = asking
    return new Promise((resolve, reject) => {
      const headers = {
        host: authority,
        ...fields,
        ...(body && { 'content-length': String(body.length) }),
      }
      const where = {
        host: '127.0.0.1',
        port: this.#edge.plainPort,
        method,
        path,
        headers,
        agent: this.#agent,
      }
      const request = http.request(where as http.RequestOptions, (response) => {
        const pieces: Buffer[] = []
        const port = response.socket.localPort ?? 0
        response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
        response.on('end', () => {
          const { statusCode: status = 0, headers: got } = response
          const bytes = Buffer.concat(pieces)
          resolve({ status, fields: got, body: bytes.toString(), bytes, port })
        })
      })
      request.on('error', reject)
      request.end(body)
    })
  }

  ask2(asking: Asking): Promise<Answered> {
    const { method = 'GET', path = '/echo', authority = HOST, fields = {}, body } = asking
    if (this.#h2 === undefined || this.#h2.closed || this.#h2.destroyed) {
      const url = `https://localhost:${this.#edge.tlsPort}`
      this.#h2 = http2.connect(url, { rejectUnauthorized: false })
      this.#h2.on('error', () => {})
    }
    const session = this.#h2
    return new Promise((resolve, reject) => {
      const pseudo = { ':method': method, ':path': path, ':authority': authority }
      const headers = {
        ...pseudo,
        ...fields,
        ...(body && { 'content-length': String(body.length) }),
      } as http2.OutgoingHttpHeaders
      const stream = session.request(headers, { endStream: body === undefined })
      const pieces: Buffer[] = []
      let got: http2.IncomingHttpHeaders = {}
      let port = 0
      stream.on('response', (response) => {
        got = response
        port = session.socket.localPort ?? 0
      })
      stream.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
      stream.on('close', () => {
        if (got[':status'] === undefined) reject(new Error(`Closed with ${stream.rstCode}`))
        else {
          const bytes = Buffer.concat(pieces)
          const status = Number(got[':status'])
          resolve({ status, fields: got, body: bytes.toString(), bytes, port })
        }
      })
      if (body !== undefined) stream.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
    this.#h2?.destroy()
  }
}

/** `401 replay`, with what every refusal has in common looked at; `200` for what passed. */
export function codeOf({ status, fields, body }: Answered): string {
  const code = fields['sessionkey-error']
  if (code === undefined) return String(status)
  const isPage = String(fields['content-type']).startsWith('text/html')
  const problem = isPage ? undefined : (JSON.parse(body || '{}') as { type?: string })
  const isSound =
    fields['cache-control'] === 'no-store' &&
    (problem === undefined || body === '' || problem.type === `urn:limen:err:${code}`) &&
    (status === 503) === (fields['retry-after'] === '1')
  return `${status} ${code}${isSound ? '' : ' (malformed)'}`
}

export const echoed = ({ body }: Answered): Echoed => JSON.parse(body) as Echoed

/** The claims of a `Limen-Assertion`; undefined unless signed by the edge's key. */
export function readAssertion(jwt: string): Record<string, unknown> | undefined {
  const [header = '', claims = '', signature = ''] = jwt.split('.')
  const { alg, typ, kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as {
    alg: string
    typ: string
    kid: string
  }
  if (alg !== 'EdDSA' || typ !== 'JWT' || kid !== KID) return undefined
  const signed = Buffer.from(`${header}.${claims}`)
  const key = createPublicKey(ASSERTION.publicKey.export({ format: 'pem', type: 'spki' }))
  if (!verify(null, signed, key, Buffer.from(signature, 'base64url'))) return undefined
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
}
