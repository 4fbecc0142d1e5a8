/**
 * HTTPS between the machines of a cluster: TLS 1.3 with certificates on both sides, small bodies, JSON. Who asks is known
 * before anything is read.
 *
 * @module
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Log } from '../../../adapters/node/json-log.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import { type Address, writeAddress } from '../config/address.ts'
import { type ClusterCertificate, peerOf } from './credentials.ts'
import type { KeyServerCertificates } from './edge-authority.ts'

export interface ClusterRequest {
  /** The edge that asks. */
  readonly edge: string
  readonly method: string
  readonly url: URL
  readonly body: Uint8Array
  field(name: string): string
}

export interface ClusterListener {
  readonly port: number
  /** Shows the certificate there is now. */
  renew(): void
  close(): Promise<void>
}

export interface ClusterListenerOptions {
  readonly address: Address
  /** The configuration's name of the address, for messages. */
  readonly key: string
  /** Asked at start and each `lookMs`: it is renewed. */
  certificate(): Promise<KeyServerCertificates>
  readonly lookMs: number
  /** Edges that may ask; none named: all that our CA knows. */
  readonly allowed: readonly string[]
  readonly log: Log
  /** Answers by {@link answerJson}, or streams. */
  handle(request: ClusterRequest, response: ServerResponse): void | Promise<void>
}

const BODY_BYTES_MAX = 64 * 1024
const REQUEST_MS_MAX = 10_000
const KEEP_MS = 60_000
const HEAD_BYTES_MAX = 8 * 1024
/** A few per edge. */
const CONNECTIONS_MAX = 2048
/** The longest a timer waits; then a connection begins anew. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** @throws LimenError `cannot-listen` */
export async function listenForCluster(options: ClusterListenerOptions): Promise<ClusterListener> {
  const { address, key, allowed, log } = options
  let shown = await options.certificate()
  const server = createServer(
    {
      ...contextOf(shown),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      requestTimeout: REQUEST_MS_MAX,
      headersTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: KEEP_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
    },
    (request, response) => {
      const edge = peerOf(request.socket as TLSSocket)
      if (edge === undefined || (allowed.length > 0 && !allowed.includes(edge))) {
        log.warn({ edge }, 'Refused at the cluster API: not an edge of ours')
        answerJson(response, 403, { code: 'edge_unknown' })
        request.resume()
        return
      }
      handle(options, edge, request, response).catch((error: unknown) => {
        log.warn({ err: error, edge }, 'A request at the cluster API failed')
        if (response.headersSent) response.destroy()
        else answerJson(response, 500, { code: 'failed' })
      })
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  const { before } = shown
  if (before !== undefined) server.addContext(before.name, contextOf(before.certificate))
  server.on('secureConnection', endWithCertificate)
  server.on('tlsClientError', (error) => {
    log.debug({ why: error.message }, 'A handshake at the cluster API failed')
  })
  server.listen(address.port, address.host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const text = `Cannot listen on ${writeAddress(address)} (${key}): ${String(cause)}`
    throw new LimenError('cannot-listen', text, { side: 'operator', retry: true, cause })
  }
  const renew = (): void => {
    options.certificate().then(
      (certificate) => {
        // Connections that are open stay as they are.
        if (certificate.certPem !== shown.certPem) server.setSecureContext(contextOf(certificate))
        const { before: next } = certificate
        const isOther = next?.certificate.certPem !== shown.before?.certificate.certPem
        if (next !== undefined && isOther) server.addContext(next.name, contextOf(next.certificate))
        shown = certificate
      },
      (error: unknown) => log.error({ err: error }, 'Cannot renew the certificate of the cluster'),
    )
  }
  const timer = setInterval(renew, Math.min(options.lookMs, TIMER_MS_MAX))
  timer.unref()
  return {
    renew,
    port: (server.address() as AddressInfo).port,
    async close() {
      clearInterval(timer)
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value))
  const fields = { 'content-type': 'application/json', 'content-length': body.length }
  response.writeHead(status, { ...fields, 'cache-control': 'no-store' }).end(body)
}

async function handle(
  options: ClusterListenerOptions,
  edge: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = URL.parse(request.url ?? '', 'https://limen')
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > BODY_BYTES_MAX) return answerJson(response, 413, { code: 'too_large' })
    pieces.push(piece)
  }
  if (url === null) return answerJson(response, 404, { code: 'not_found' })
  await options.handle(
    {
      ...{ edge, url, method: request.method ?? '', body: Buffer.concat(pieces) },
      field(name) {
        const value = request.headers[name]
        return typeof value === 'string' ? value : ''
      },
    },
    response,
  )
}

/** A connection is as good as the certificate it was opened with: the other end has renewed it by then. */
function endWithCertificate(socket: TLSSocket): void {
  const ends = socket.getPeerX509Certificate()?.validToDate.getTime() ?? 0
  const timer = setTimeout(() => socket.destroy(), Math.min(ends - Date.now(), TIMER_MS_MAX))
  socket.once('close', () => clearTimeout(timer))
}

function contextOf({ certPem, keyPem, caPem }: ClusterCertificate) {
  return { cert: certPem, key: keyPem, ca: caPem, minVersion: 'TLSv1.3' as const }
}
