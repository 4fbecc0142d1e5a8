/**
 * The site behind the edge in tests of what a user expects: node:http, one path per behaviour.
 *
 *   /echo      what arrived, as JSON
 *   /upload    octets and SHA-256 of the body
 *   /big       `?bytes=` octets (see {@link bigBody}); counts what it could hand over in `sent`
 *   /chunked   three chunks and a trailer      /close   ends with the connection
 *   /hints     103, then 200                   /status  `?code=` without a body
 *   /gzip      compressed                      /events  server-sent events, see {@link EdgeOrigin.sendEvent}
 *   /ws        WebSocket echo                  /redirect `?code=` to `?to=`
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { WebSocketServer } from 'ws'

const CHUNK_BYTES = 65_536
const WS_BYTES_MAX = 4 * 1024 * 1024
export const GZIPPED = gzipSync('limen '.repeat(1000))

export interface Echoed {
  readonly method: string
  readonly url: string
  /** Names in lower case, values in order. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly trailers: Readonly<Record<string, string>>
  readonly body: string
  /** The port of the edge's end of the connection: tells connections apart. */
  readonly peerPort: number
}

export interface EdgeOrigin {
  readonly port: number
  /** Octets of the last /big that the connection took. */
  sent(): number
  /** Sends an event on the open /events; false when nobody listens. */
  sendEvent(data: string): boolean
  close(): Promise<void>
}

/** The octets of /big, the same for each chunk, different within. */
const PATTERN = Buffer.from(
  Array.from({ length: CHUNK_BYTES }, (_, i) => (i * 31 + (i >> 8)) & 255),
)

export function bigBody(bytes: number): Buffer {
  const body = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at += CHUNK_BYTES) PATTERN.copy(body, at)
  return body
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

export async function startEdgeOrigin(): Promise<EdgeOrigin> {
  let sent = 0
  let events: ServerResponse | undefined
  const big = async (response: ServerResponse, bytes: number): Promise<void> => {
    sent = 0
    response.writeHead(200, { 'content-length': bytes })
    const left = new AbortController()
    response.once('close', () => left.abort())
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      const more = response.write(PATTERN.subarray(0, Math.min(CHUNK_BYTES, bytes - at)))
      if (!more) await once(response, 'drain', { signal: left.signal })
      sent = at
    }
    response.end()
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin.invalid')
    switch (pathname) {
      case '/upload':
        return upload(request, response)
      case '/big':
        return big(response, Number(searchParams.get('bytes')))
      case '/chunked':
        response.writeHead(200, { trailer: 'x-sum', 'content-type': 'text/plain' })
        for (const part of ['one,', 'two,', 'three']) response.write(part)
        response.addTrailers({ 'x-sum': '13' })
        response.end()
        return
      case '/close':
        response.removeHeader('transfer-encoding')
        response.write('until ')
        response.end('the end')
        return
      case '/hints':
        response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
        response.end('hinted')
        return
      case '/status':
        response.writeHead(Number(searchParams.get('code')), { etag: '"x"' }).end()
        return
      case '/redirect':
        response.writeHead(Number(searchParams.get('code')), {
          location: searchParams.get('to') ?? '',
        })
        response.end()
        return
      case '/gzip':
        response.setHeader('content-encoding', 'gzip')
        response.end(GZIPPED)
        return
      case '/events':
        events = response
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        response.once('close', () => {
          events = undefined
        })
        return
      case '/hop':
        response.setHeader('keep-alive', 'timeout=99')
        response.setHeader('x-kept', 'yes')
        response.end('hop')
        return
      default:
        return echo(request, response)
    }
  }
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const sockets = new WebSocketServer({ server, path: '/ws', maxPayload: WS_BYTES_MAX })
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate())
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => sent,
    sendEvent: (data) => events?.write(`data: ${data}\n\n`) ?? false,
    async close() {
      for (const client of sockets.clients) client.terminate()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

async function upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of request) {
    bytes += (piece as Buffer).length
    hash.update(piece as Buffer)
  }
  response.end(`${bytes} ${hash.digest('hex')}`)
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request)
  const headers: Record<string, string[]> = {}
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = (request.rawHeaders[i] ?? '').toLowerCase()
    headers[name] = [...(headers[name] ?? []), request.rawHeaders[i + 1] ?? '']
  }
  const echoed: Echoed = {
    method: request.method ?? '',
    url: request.url ?? '',
    headers,
    trailers: request.trailers as Record<string, string>,
    body: body.toString('latin1'),
    peerPort: request.socket.remotePort ?? 0,
  }
  const text = JSON.stringify(echoed)
  response.setHeader('content-length', Buffer.byteLength(text))
  response.end(text)
}
