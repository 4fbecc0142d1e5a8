/**
 * A site of plain pages behind the edge, for tests of session keys in a browser: it knows nothing of Limen but the field
 * that says who asks.
 *
 *   /            a page with a picture, a script and a style    /who         who asked, as JSON
 *   /away        redirects to /landed                           /landed      a page
 *   /form        a form, POST /sent redirects to /landed        /media       1000 octets, also in ranges
 *   /upload      POST: octets and SHA-256 of the body           /abroad      redirects to another origin
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

/** What a request came with. */
export interface Visit {
  readonly method: string
  readonly url: string
  /** Claims of `Limen-Assertion`; undefined without one. */
  readonly claims:
    | { readonly sid: string; readonly gen: number; readonly level: string }
    | undefined
}

export interface SessionSite {
  readonly port: number
  /** All so far. */
  readonly visits: readonly Visit[]
  close(): Promise<void>
}

const MEDIA = Buffer.alloc(1000, 'limen')
const page = (body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Site</title><link rel="stylesheet" href="/site.css">
<script src="/app.js" defer></script><h1>Site</h1><img src="/mark.svg" alt="mark">${body}</html>`

/** @param abroad where /abroad leads to */
export async function startSessionSite(abroad = ''): Promise<SessionSite> {
  const visits: Visit[] = []
  const server = createServer((request, response) => {
    visits.push(visitOf(request))
    answer(request, response, abroad).catch(() => response.destroy())
  })
  const sockets = new WebSocketServer({ server, path: '/ws' })
  sockets.on('connection', (socket: WebSocket) => {
    socket.on('message', (data) => socket.send(String(data)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    visits,
    async close() {
      server.closeAllConnections()
      for (const socket of sockets.clients) socket.terminate()
      await once(server.close(), 'close')
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  abroad: string,
): Promise<void> {
  const send = (type: string, body: string | Buffer) =>
    void response.setHeader('content-type', type).end(body)
  const move = (status: number, location: string) =>
    void response.writeHead(status, { location }).end()
  const { pathname } = new URL(request.url ?? '/', 'http://site.invalid')
  const pieces: Buffer[] = []
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
  const body = Buffer.concat(pieces)
  switch (pathname) {
    case '/site.css':
      return send('text/css', 'h1 { color: rgb(1, 2, 3) }')
    case '/app.js':
      return send('text/javascript', 'document.body.dataset.script = "ran"')
    case '/mark.svg':
      return send(
        'image/svg+xml',
        '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><rect width="7" height="7"/></svg>',
      )
    case '/who':
      return send('application/json', JSON.stringify(visitOf(request).claims ?? {}))
    case '/away':
      return move(302, '/landed?from=away')
    case '/abroad':
      return move(302, abroad)
    case '/sent':
      return move(303, `/landed?sent=${body.length}`)
    case '/form':
      return send(
        'text/html',
        page(
          '<form method="post" action="/sent"><input name="a" value="b"><button>Send</button></form>',
        ),
      )
    case '/upload':
      return send(
        'application/json',
        JSON.stringify({
          bytes: body.length,
          sha256: createHash('sha256').update(body).digest('hex'),
        }),
      )
    case '/media':
      return media(request, response)
    default:
      return send('text/html', page(`<p id="place">${pathname}</p>`))
  }
}

function media({ headers }: IncomingMessage, response: ServerResponse): void {
  const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
  response.setHeader('content-type', 'application/octet-stream').setHeader('accept-ranges', 'bytes')
  if (from === '') return void response.end(MEDIA)
  const last = to === '' ? MEDIA.length - 1 : Number(to)
  response.writeHead(206, { 'content-range': `bytes ${from}-${last}/${MEDIA.length}` })
  response.end(MEDIA.subarray(Number(from), last + 1))
}

function visitOf({ method = '', url = '', headers }: IncomingMessage): Visit {
  const assertion = headers['limen-assertion']
  const [, payload] = typeof assertion === 'string' ? assertion.split('.') : []
  const claims =
    payload === undefined
      ? undefined
      : (JSON.parse(Buffer.from(payload, 'base64url').toString()) as Visit['claims'])
  return { method, url, claims }
}
