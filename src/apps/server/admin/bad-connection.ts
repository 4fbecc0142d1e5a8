/**
 * The answer to what is no HTTP, or does not come in time: no request is there, so no guard can look at it, and nothing is said
 * but that.
 *
 * @module
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** For `clientErrorHandler` of fastify. */
export function refuseConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable) socket.write(refusal(STATUSES[error.code ?? ''] ?? 400))
  socket.destroy(error)
}

function refusal(status: number): string {
  const title = STATUS_CODES[status] ?? ''
  const detail = 'This is no HTTP that can be answered'
  const body = JSON.stringify({ type: 'urn:limen:err:bad-request', title, status, detail })
  const fields = [
    `HTTP/1.1 ${status} ${title}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    "Content-Security-Policy: default-src 'none';frame-ancestors 'none'",
    'X-Content-Type-Options: nosniff',
    'X-Frame-Options: SAMEORIGIN',
    'Referrer-Policy: no-referrer',
    'Connection: close',
  ]
  return `${fields.join('\r\n')}\r\n\r\n${body}`
}
