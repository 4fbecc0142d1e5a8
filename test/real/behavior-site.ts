/**
 * A site over TLS 1.3 whose pages collect behavior, for tests of the collector in browsers: tokens are good once, batches
 * are read as they come and kept.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import {
  BEHAVIOR_BYTES_MAX,
  BEHAVIOR_PATH,
  BEHAVIOR_TYPE,
  type BehaviorBatch,
  type BehaviorEnvelope,
  readBehaviorBody,
  readBehaviorEnvelope,
} from '../../src/wire/behavior-batch.ts'
import { testCertificate } from '../tls-pair.ts'

export interface ReceivedBatch {
  readonly envelope: BehaviorEnvelope
  readonly batch: BehaviorBatch
  /** As it was posted. */
  readonly bytes: Uint8Array
}

export interface BehaviorSite {
  readonly origin: string
  readonly batches: readonly ReceivedBatch[]
  /** Of all batches. */
  records(): BehaviorBatch['records']
  /** Method of each request to the behavior path, and the status of its answer. */
  readonly requests: readonly string[]
  /** What `GET` says from now on. */
  mode: 'off' | 'bot-only' | 'profile'
  everyMs: number
  forget(): void
  close(): Promise<void>
}

const SCRIPT = join(import.meta.dirname, '../../dist/browser/behavior.js')
const TOKEN_BYTES = 24
/** What it says of everybody. */
const ME = { tier: 2, score: 0.75, confidence: 0.5, reasons: ['typing hold'] }

/** @param pages one page for all paths, or the port of a server on the loopback that has them */
export async function startBehaviorSite(pages: string | number): Promise<BehaviorSite> {
  const { certPem, keyPem } = await testCertificate('localhost')
  const tokens = new Set<string>()
  const batches: ReceivedBatch[] = []
  const requests: string[] = []
  const script = readFileSync(SCRIPT)

  const newToken = (): string => {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    tokens.add(token)
    return token
  }
  const take = async (request: IncomingMessage): Promise<number> => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const bytes = Buffer.concat(parts)
    if (request.headers['content-type'] !== BEHAVIOR_TYPE) return 415
    const read = readBehaviorEnvelope(bytes)
    if (read.kind !== 'read') return 400
    const { envelope } = read
    if (!tokens.delete(Buffer.from(envelope.token).toString('base64url'))) return 401
    const limit = { maxOutputLength: BEHAVIOR_BYTES_MAX }
    const body = envelope.deflated ? inflateRawSync(envelope.body, limit) : envelope.body
    const inner = readBehaviorBody(body)
    if (inner.kind !== 'read') return 400
    batches.push({ envelope, batch: inner.batch, bytes })
    return 204
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === '/.well-known/limen/behavior.js') {
      response.setHeader('content-type', 'text/javascript')
      response.end(script)
    } else if (request.url === `${BEHAVIOR_PATH}/me`) {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(ME))
    } else if (request.url !== BEHAVIOR_PATH) {
      const { type, body, policy } = await pageOf(pages, request.url ?? '/')
      response.writeHead(200, { 'content-type': type, 'content-security-policy': policy })
      response.end(body)
    } else if (request.method === 'POST') {
      const status = await take(request)
      requests.push(`POST ${status}`)
      response.writeHead(status, status === 204 ? { 'limen-next': newToken() } : {}).end()
    } else {
      requests.push(`GET ${site.mode}`)
      const settings = site.mode === 'off' ? {} : { token: newToken(), everyMs: site.everyMs }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ mode: site.mode, ...settings }))
    }
  }
  const server = createServer({ cert: certPem, key: keyPem, minVersion: 'TLSv1.3' })
  server.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => {
      requests.push(`failed ${String(error)}`)
      response.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const site: BehaviorSite = {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    ...{ batches, requests, mode: 'profile', everyMs: 10_000 },
    records: () => batches.flatMap(({ batch }) => batch.records),
    forget() {
      batches.length = 0
      requests.length = 0
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return site
}

async function pageOf(pages: string | number, path: string) {
  if (typeof pages === 'string')
    return { type: 'text/html; charset=utf-8', body: pages, policy: '' }
  const answer = await fetch(`http://127.0.0.1:${pages}${path}`)
  return {
    type: answer.headers.get('content-type') ?? '',
    body: Buffer.from(await answer.arrayBuffer()),
    policy: answer.headers.get('content-security-policy') ?? '',
  }
}
