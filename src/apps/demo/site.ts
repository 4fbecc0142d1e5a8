/**
 * The demo upstream: three small real servers for Limen to stand in front of, on node:http.
 * `site-process.ts` runs one of them as a process of its own.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { apiRoutes } from './api.ts'
import { Items } from './items.ts'
import { showBehavior, submitBehavior } from './pages/behavior.ts'
import { showForm, submitForm } from './pages/form.ts'
import { showHome } from './pages/home.ts'
import { showLive } from './pages/live.ts'
import { showMembers } from './pages/members.ts'
import { showNotFound } from './pages/not-found.ts'
import { sendJson, sendProblem, setCommonHeaders } from './reply.ts'
import { answer, type Route } from './router.ts'
import { staticFiles } from './static-files.ts'
import { TROUBLE_ROUTES } from './trouble.ts'
import { type EchoSockets, echoWebSockets } from './websocket.ts'

export interface DemoServer {
  readonly id: string
  readonly port: number
}

export interface DemoSite {
  readonly servers: readonly DemoServer[]
  /** Ends open connections and resolves when the ports are free. */
  close(): Promise<void>
}

/** Ports of servers a, b and c; 0 takes any free one. */
export const DEMO_PORTS: readonly number[] = [9101, 9102, 9103]
const SERVER_IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const

/** Starts one server per port, on the loopback only. When one cannot listen none stays up. */
export async function startDemoSite(
  options: { readonly ports?: readonly number[] } = {},
): Promise<DemoSite> {
  const ports = options.ports ?? DEMO_PORTS
  if (ports.length > SERVER_IDS.length) throw new RangeError('ports: at most 8 servers')
  const running: (DemoServer & { close(): Promise<void> })[] = []
  const close = async (): Promise<void> => {
    await Promise.all(running.map((server) => server.close()))
  }
  try {
    for (const [index, port] of ports.entries()) {
      running.push(await startDemoServer(SERVER_IDS[index] ?? 'a', port))
    }
  } catch (error) {
    await close()
    throw error
  }
  return { servers: running.map(({ id, port }) => ({ id, port })), close }
}

/** Starts one server on 127.0.0.1. Rejects when the port is taken. */
export async function startDemoServer(
  id: string,
  port: number,
): Promise<DemoServer & { close(): Promise<void> }> {
  const routes = siteRoutes()
  const server = createServer(
    {
      // Generous for a demo, finite for a bug.
      maxHeaderSize: 65_536,
      requestTimeout: 60_000,
      // Longer than an edge keeps an idle connection: the edge decides when it ends.
      keepAliveTimeout: 75_000,
    },
    (request, response) => void serve(request, response, id, routes),
  )
  const sockets = echoWebSockets(server, id)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address() as AddressInfo
  return { id, port: address.port, close: () => closeServer(server, sockets) }
}

function siteRoutes(): readonly Route[] {
  const files = staticFiles()
  return [
    { method: 'GET', pattern: '/', handler: showHome },
    { method: 'GET', pattern: '/members', handler: showMembers },
    { method: 'GET', pattern: '/form', handler: showForm },
    { method: 'POST', pattern: '/form', handler: submitForm },
    { method: 'GET', pattern: '/live', handler: showLive },
    { method: 'GET', pattern: '/behavior', handler: showBehavior },
    { method: 'POST', pattern: '/behavior', handler: submitBehavior },
    {
      method: 'GET',
      pattern: '/healthz',
      handler: (exchange) => sendJson(exchange, 200, { status: 'ok', server: exchange.server }),
    },
    { method: 'GET', pattern: '/favicon.ico', handler: files },
    { method: 'GET', pattern: '/static/*', handler: files },
    ...apiRoutes(new Items()),
    ...TROUBLE_ROUTES,
  ]
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  id: string,
  routes: readonly Route[],
): Promise<void> {
  setCommonHeaders(response, id)
  // A client that leaves in the middle is ordinary; the handlers notice by 'close'.
  request.on('error', () => {})
  response.on('error', () => {})
  const url = URL.parse(request.url ?? '/', 'http://demo.invalid')
  const exchange = { request, response, url: url ?? new URL('http://demo.invalid/'), server: id }
  if (url === null) {
    sendProblem({ ...exchange, rest: '' }, 400, 'That is not a path')
    return
  }
  try {
    await answer(routes, exchange, showNotFound)
  } catch (error) {
    if (response.headersSent) response.destroy()
    else sendProblem({ ...exchange, rest: '' }, 500, String(error))
  }
}

async function closeServer(server: Server, sockets: EchoSockets): Promise<void> {
  sockets.close()
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
}
