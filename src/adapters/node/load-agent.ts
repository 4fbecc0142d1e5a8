/**
 * The server of `limen load-agent`: `GET /load` says how busy this machine is (`wire/machine-load.ts`), `GET /livez` that it runs.
 * Read only; with a token nobody else learns anything.
 *
 * @module
 */
import { createServer, type Server } from 'node:http'
import type { Clock } from '../../ground/clock.ts'
import { type MachineLoad, writeMachineLoad } from '../../wire/machine-load.ts'
import { showsToken } from './bearer-token.ts'

export interface LoadAgentOptions {
  readonly clock: Clock
  /** Wanted of who asks for the load; undefined: of nobody. */
  readonly token: string | undefined
  /** undefined before it is known. */
  look(): MachineLoad | undefined
  /** From one look to the next; {@link EVERY_MS} for all but tests. */
  readonly everyMs?: number
}

/** Shorter than anybody asks, long enough that a tick of 10 ms is 1 %. */
const EVERY_MS = 1_000
/** A Limen or a few, each with a connection of its own per question. */
const CONNECTIONS_MAX = 64

export function loadAgent({ clock, token, look, everyMs = EVERY_MS }: LoadAgentOptions): Server {
  let newest: { readonly load: MachineLoad; readonly at: number } | undefined
  const lookNow = (): void => {
    const load = look()
    if (load !== undefined) newest = { load, at: clock.now() }
  }
  lookNow()
  const timer = setInterval(lookNow, everyMs)
  const server = createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000 },
    (request, response) => {
      const send = (status: number, body: string, fields: Record<string, string> = {}): void => {
        const type = body.startsWith('{') ? 'application/json' : 'text/plain; charset=utf-8'
        const common = { 'content-type': type, 'cache-control': 'no-store' }
        response.writeHead(status, { ...common, ...fields }).end(body)
      }
      const isAllowed = token === undefined || showsToken(request.headers.authorization, token)
      if (request.method !== 'GET' && request.method !== 'HEAD')
        send(405, 'GET only\n', { allow: 'GET, HEAD' })
      else if (request.url === '/livez') send(200, 'ok\n')
      else if (request.url !== '/load') send(404, 'Try /load\n')
      else if (!isAllowed) send(401, 'A token is wanted\n', { 'www-authenticate': 'Bearer' })
      else if (newest === undefined) send(503, 'Not measured yet\n', { 'retry-after': '1' })
      else send(200, writeMachineLoad(newest.load, newest.at))
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  server.on('close', () => clearInterval(timer))
  return server
}
