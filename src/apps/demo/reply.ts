/**
 * Answers of the demo site: bodies with their length, and the security headers every one carries.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Html } from './html.ts'

/** One request on its way through the site. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** Which of the servers this is: `a`, `b` or `c`. */
  readonly server: string
  /** What the route's `*` matched, '' without one. */
  readonly rest: string
}

/** No inline script or style, nothing from elsewhere; `connect-src` needs the WebSocket said aloud for older browsers. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

export function setCommonHeaders(response: ServerResponse, server: string): void {
  response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY)
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('referrer-policy', 'no-referrer')
  response.setHeader('cross-origin-opener-policy', 'same-origin')
  response.setHeader('x-demo-server', server)
}

export function sendHtml(exchange: Exchange, status: number, page: Html): void {
  exchange.response.setHeader('cache-control', 'no-store')
  send(exchange, status, 'text/html; charset=utf-8', String(page))
}

export function sendJson(exchange: Exchange, status: number, value: unknown): void {
  exchange.response.setHeader('cache-control', 'no-store')
  send(exchange, status, 'application/json', `${JSON.stringify(value)}\n`)
}

/** RFC 9457. */
export function sendProblem(exchange: Exchange, status: number, detail: string): void {
  exchange.response.setHeader('cache-control', 'no-store')
  const problem = { type: 'about:blank', status, detail }
  send(exchange, status, 'application/problem+json', `${JSON.stringify(problem)}\n`)
}

export function send(
  exchange: Exchange,
  status: number,
  contentType: string,
  body: string | Uint8Array,
): void {
  const { request, response } = exchange
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  response.writeHead(status, { 'content-type': contentType, 'content-length': bytes.length })
  if (request.method === 'HEAD') response.end()
  else response.end(bytes)
}
