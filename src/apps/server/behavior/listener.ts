/**
 * Where our own edge hands over requests for {@link BehaviorDesk}: HTTP on loopback, on a port that nobody need know. Who does
 * not show the edge's token is turned away.
 *
 * @module
 */
import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BEHAVIOR_BYTES_MAX } from '../../../wire/behavior-batch.ts'
import type { BehaviorPlace } from '../config/behavior-settings.ts'
import { EDGE_TOKEN_FIELD } from '../config/key-server-settings.ts'
import type { DeskAnswer, DeskRequest } from './desk.ts'

export interface BehaviorListener {
  readonly place: BehaviorPlace
  close(): Promise<void>
}

const HERE = '127.0.0.1'
/** A batch comes whole from the edge, which waits for the client in our place. */
const REQUEST_MS_MAX = 10_000
/** Above the 4 s after which the edge lets go of an unused connection: it must be the first. */
const KEEP_MS = 30_000
const HEAD_BYTES_MAX = 16 * 1024
const CONNECTIONS_MAX = 1024
/** Of a body that is too large, so much is taken before the connection is cut: an answer may get through. */
const DISCARDED_BYTES_MAX = 2 ** 20

export async function listenForBehavior(
  token: string,
  answer: (request: DeskRequest) => DeskAnswer,
): Promise<BehaviorListener> {
  const expected = Buffer.from(token)
  const timeouts = { requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX }
  const options = { ...timeouts, keepAliveTimeout: KEEP_MS, maxHeaderSize: HEAD_BYTES_MAX }
  const server = createServer(options, (request, response) => {
    readBody(request).then(
      (body) => {
        if (!isOurEdge(request, expected)) {
          response.writeHead(403).end()
          return
        }
        const { status, fields, body: text } = answer(read(request, body))
        response.writeHead(status, fields).end(text)
      },
      () => request.destroy(),
    )
  })
  server.maxConnections = CONNECTIONS_MAX
  server.listen(0, HERE)
  await once(server, 'listening')
  return {
    place: { host: HERE, port: (server.address() as AddressInfo).port, token },
    async close() {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    if (length <= BEHAVIOR_BYTES_MAX) pieces.push(piece)
    length += piece.length
    if (length > DISCARDED_BYTES_MAX) throw new RangeError('The body is far too large')
  }
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
}

function isOurEdge(request: IncomingMessage, expected: Buffer): boolean {
  const shown = Buffer.from(fieldOf(request, EDGE_TOKEN_FIELD))
  return shown.length === expected.length && timingSafeEqual(shown, expected)
}

function read(request: IncomingMessage, body: Uint8Array): DeskRequest {
  const { method = '', url = '' } = request
  const tls = fieldOf(request, 'limen-client-tls') || 'unknown'
  return {
    ...{ method, body, path: url.split('?')[0] ?? '' },
    contentType: fieldOf(request, 'content-type'),
    tls: tls === 'none' ? '' : tls,
    address: fieldOf(request, 'x-forwarded-for'),
    site: fieldOf(request, 'sec-fetch-site'),
    session: fieldOf(request, 'limen-session'),
  }
}

function fieldOf({ headers }: IncomingMessage, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}
