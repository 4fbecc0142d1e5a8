/**
 * Peer: http-proxy-3 as its README sets it up, over HTTP, HTTPS and HTTP/2 with HTTP/1.1 allowed.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import { createProxyServer } from 'http-proxy-3'

const [httpPort, tlsPort, upstreamPort, cert = '', key = ''] = process.argv.slice(2)
const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 256 })
const proxy = createProxyServer({ target: `http://127.0.0.1:${upstreamPort}`, agent, xfwd: true })
proxy.on('error', (_error, _request, response) => {
  if (response instanceof http.ServerResponse) response.writeHead(502).end()
})
const plain = http.createServer((request, response) => proxy.web(request, response))
plain.keepAliveTimeout = 600_000
plain.listen(Number(httpPort), '127.0.0.1')
const secure = http2.createSecureServer(
  { cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: true },
  (request, response) =>
    proxy.web(
      request as unknown as http.IncomingMessage,
      response as unknown as http.ServerResponse,
    ),
)
// HTTP/1.1 over TLS keeps idle connections as long as the plain server does.
Object.assign(secure, { keepAliveTimeout: 600_000 })
secure.listen(Number(tlsPort), '127.0.0.1', 4096)
