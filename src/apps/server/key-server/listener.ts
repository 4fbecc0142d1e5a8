/**
 * Where edges reach the key server: HTTP on a port of its own, loopback unless configured. Whatever says something of a client is
 * believed only from who shows the token, which the edge alone knows; without it everybody is an ordinary client.
 *
 * @module
 */
import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Tier } from '../../../behavior/tier.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import { KEY_MESSAGE_BYTES_MAX } from '../../../wire/key-message.ts'
import type { Address } from '../config/address.ts'
import { EDGE_TOKEN_FIELD, type KeyServerPlace } from '../config/key-server-settings.ts'
import type { KeyRequest } from './answer.ts'
import type { KeyAnswer } from './key-refusals.ts'

export interface KeyListener {
  readonly place: KeyServerPlace
  close(): Promise<void>
}

/** A message comes whole from the edge, which waits for the client in our place. */
const REQUEST_MS_MAX = 10_000
/** Above the 4 s after which the edge lets go of an unused connection: it must be the first. */
const KEEP_MS = 30_000
const HEAD_BYTES_MAX = 16 * 1024
const CONNECTIONS_MAX = 1024
/** Of a body that is too large, so much is taken before the connection is cut: an answer may get through. */
const DISCARDED_BYTES_MAX = 4 * 2 ** 20

/** Resolves when it listens. `answer` must not reject. @throws LimenError `cannot-listen` */
export async function listenForKeys(
  token: string,
  { host, port }: Address,
  answer: (request: KeyRequest) => Promise<KeyAnswer>,
): Promise<KeyListener> {
  const expected = Buffer.from(token)
  const server: Server = createServer(
    {
      requestTimeout: REQUEST_MS_MAX,
      headersTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: KEEP_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
    },
    (request, response) => {
      readBody(request).then(
        async (body) => {
          const { status, fields, body: bytes } = await answer(read(request, body, expected))
          response.writeHead(status, fields).end(bytes)
        },
        // The edge went away in the middle, or the body had no end.
        () => request.destroy(),
      )
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const text = `Cannot listen on ${host}:${port} (sessions.listen): ${String(cause)}`
    throw new LimenError('cannot-listen', text, { side: 'operator', retry: true, cause })
  }
  return {
    place: { host, port: (server.address() as AddressInfo).port, token },
    async close() {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

/** The body, or more than the largest message of one that is larger. */
async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    if (length <= KEY_MESSAGE_BYTES_MAX) pieces.push(piece)
    length += piece.length
    if (length > DISCARDED_BYTES_MAX) throw new RangeError('The body is far too large')
  }
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
}

function read(request: IncomingMessage, body: Uint8Array, expected: Buffer): KeyRequest {
  const { headers, method = '', url = '' } = request
  const text = (name: string): string => {
    const value = headers[name]
    return typeof value === 'string' ? value : ''
  }
  const shown = Buffer.from(text(EDGE_TOKEN_FIELD))
  const isOurEdge = shown.length === expected.length && timingSafeEqual(shown, expected)
  return {
    method,
    path: url.split('?')[0] ?? '',
    contentType: text('content-type'),
    origin: text('origin'),
    // Host and scheme are the client's own choice in any case: what it seals is bound to them.
    host: text('host'),
    secure: text('x-forwarded-proto') === 'https',
    sessionKey: text('sessionkey'),
    body,
    tier: isOurEdge ? tierOf(text('limen-tier')) : 1,
    address: isOurEdge ? text('x-forwarded-for') : '',
  }
}

function tierOf(text: string): Tier {
  return text === '3' ? 3 : text === '2' ? 2 : 1
}
