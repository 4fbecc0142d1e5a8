/**
 * Peer: node:http and node:http2 in front, an undici Pool behind: the usual fast proxy of one's own in Node.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import { Pool } from 'undici'

const [httpPort, tlsPort, upstreamPort, cert = '', key = ''] = process.argv.slice(2)
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 256, pipelining: 1 })
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'host'])

function forwarded(headers: http.IncomingHttpHeaders, address: string): Record<string, string> {
  const kept: Record<string, string> = { 'x-forwarded-for': address }
  for (const [name, value] of Object.entries(headers)) {
    if (!HOP_BY_HOP.has(name) && !name.startsWith(':') && value !== undefined) {
      kept[name] = Array.isArray(value) ? value.join(', ') : value
    }
  }
  return kept
}

function handle(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { method = 'GET', url = '/', headers, socket } = request
  const body = method === 'GET' || method === 'HEAD' ? null : request
  pool
    .stream(
      { method, path: url, headers: forwarded(headers, socket.remoteAddress ?? ''), body },
      ({ statusCode, headers: fields }) => {
        for (const name of HOP_BY_HOP) delete fields[name]
        response.writeHead(statusCode, fields)
        return response
      },
    )
    .catch(() => response.destroy())
}

const plain = http.createServer(handle)
plain.keepAliveTimeout = 600_000
plain.listen(Number(httpPort), '127.0.0.1')
const secure = http2.createSecureServer(
  { cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: true },
  (request, response) =>
    handle(request as unknown as http.IncomingMessage, response as unknown as http.ServerResponse),
)
// HTTP/1.1 over TLS keeps idle connections as long as the plain server does.
Object.assign(secure, { keepAliveTimeout: 600_000 })
secure.listen(Number(tlsPort), '127.0.0.1', 4096)
