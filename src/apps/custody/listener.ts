/**
 * The only door of a custody node: HTTP/1.1 over TLS 1.3 with certificates on both sides, `POST /v1/op`. Whoever is not of the cluster and of a
 * role that may ask, or asks anything else, gets a closed connection and no word.
 *
 * HTTP/1.1 with kept connections answers in 0.23 ms over loopback where HTTP/2 takes 0.37 ms (measured 2026-11-21, undici and
 * `node:http2`, 300 octets each way).
 *
 * @module
 */
import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { CUSTODY_MESSAGE_BYTES_MAX, CUSTODY_PATH } from '../../wire/custody-message.ts'
import { type Caller, callerOf } from './caller.ts'

export interface CustodyListenerOptions extends Credentials {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly cluster: string
  /** Of callers that get as far as the access policy. */
  readonly roles: readonly string[]
  readonly clock: Clock
  /** undefined: not a request; the connection is closed. */
  handle(caller: Caller, body: Uint8Array): Promise<Uint8Array | undefined>
}

/** What one end shows, and whom it believes; PEM. */
export interface Credentials {
  readonly certificate: string
  readonly key: string
  readonly authority: string
}

export interface CustodyListener {
  readonly port: number
  /** For connections from now on. */
  renew(credentials: Credentials): void
  close(): Promise<void>
}

/** A stranger that says nothing is gone after it. */
const HANDSHAKE_MS_MAX = 5_000
const REQUEST_MS_MAX = 10_000
/** Longer than callers keep an idle connection, so that none is closed under a request. */
const KEEP_MS = 65_000
const HEAD_BYTES_MAX = 4 * 1024
/** Some per caller. */
const CONNECTIONS_MAX = 1024

/** @throws LimenError `cannot-listen` */
export async function listenForCustody(options: CustodyListenerOptions): Promise<CustodyListener> {
  const { host, port } = options
  const knownBy = new WeakMap<object, Known>()
  const server = createServer(
    {
      ...contextOf(options),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      headersTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: KEEP_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
    },
    (request, response) => {
      const known = knownBy.get(request.socket)
      // A connection may live longer than the certificate.
      const isGood = known !== undefined && known.until >= options.clock.now()
      if (!isGood) request.socket.destroy()
      else answer(options, known.caller, request, response).catch(() => request.socket.destroy())
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  // Before HTTP has a word to say.
  server.prependListener('secureConnection', (socket) => {
    const known = knownAt(options, socket)
    if (known === undefined) socket.destroy()
    else knownBy.set(socket, known)
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  // Node.js would answer these in words.
  server.on('clientError', (_error, socket) => socket.destroy())
  server.on('checkContinue', (request) => request.socket.destroy())
  server.on('upgrade', (_request, socket) => socket.destroy())
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const text = `Cannot listen on ${host} port ${port}: ${(cause as NodeJS.ErrnoException).code}`
    throw new LimenError('cannot-listen', text, { side: 'operator', retry: true, cause })
  }
  return {
    port: (server.address() as AddressInfo).port,
    renew: (credentials) => server.setSecureContext(contextOf(credentials)),
    async close() {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

function contextOf({ certificate, key, authority }: Credentials): SecureContextOptions {
  return {
    ...{ cert: certificate, key, ca: authority, minVersion: 'TLSv1.3' },
    // A resumed session would not look at the certificate again.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

interface Known {
  readonly caller: Caller
  /** Milliseconds since 1970. */
  readonly until: number
}

/** undefined: one that may not ask. */
function knownAt(
  { cluster, roles, clock }: CustodyListenerOptions,
  socket: TLSSocket,
): Known | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (!socket.authorized || certificate === undefined) return undefined
  const until = certificate.validToDate.getTime()
  const caller = callerOf(certificate)
  const isOurs = caller?.cluster === cluster && roles.includes(caller.role)
  return isOurs && until >= clock.now() ? { caller, until } : undefined
}

async function answer(
  options: CustodyListenerOptions,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isOperation = request.method === 'POST' && request.url === CUSTODY_PATH
  const length = Number(request.headers['content-length'])
  if (!isOperation || !(length <= CUSTODY_MESSAGE_BYTES_MAX)) {
    request.socket.destroy()
    return
  }
  // The parser holds it to this length. No Buffer, of which a slice is no copy.
  const body = new Uint8Array(length)
  let at = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    body.set(piece, at)
    at += piece.length
    piece.fill(0)
  }
  if (at < length) throw new RangeError('A body has ended early')
  const answered = await options.handle(caller, body)
  // Shares come and go sealed, but what is to be encrypted does not.
  body.fill(0)
  if (answered === undefined) request.socket.destroy()
  else {
    response.sendDate = false
    response.writeHead(200, { 'content-length': answered.length }).end(answered)
  }
}
