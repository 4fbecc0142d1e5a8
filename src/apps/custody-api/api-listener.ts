/**
 * The door of the operations API: TLS 1.3, a client's certificate when it has one. One that is not of the cluster's authority gets a closed
 * connection.
 *
 * @module
 */
import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { LimenError } from '../../ground/limen-error.ts'
import { ConnectionPlaces } from './connection-places.ts'
import { type HttpHandler, serveHttp } from './http-connection.ts'

export interface ApiListenerOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** PEM. */
  readonly certificate: string
  readonly key: string
  readonly authority: string
  handlerFor(socket: TLSSocket): HttpHandler
  /** {@link CONNECTIONS_MAX} for all but tests. */
  readonly connectionsMax?: number
}

export interface ApiListener {
  readonly port: number
  close(): Promise<void>
}

/** A stranger that says nothing is gone after it. */
const HANDSHAKE_MS = 5_000
/** Each holds a body at most, 1 MiB. */
const CONNECTIONS_MAX = 512

/** @throws LimenError `cannot-listen`, `credentials-bad` */
export async function listenForClients(options: ApiListenerOptions): Promise<ApiListener> {
  const { host, port, connectionsMax = CONNECTIONS_MAX } = options
  const places = new ConnectionPlaces(connectionsMax)
  const sockets = new Set<TLSSocket>()
  const server = serverOf(options)
  // Also of those that are on their way out.
  server.maxConnections = 2 * connectionsMax
  server.on('connection', (socket: Socket) => places.enter(socket))
  server.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy())
    if (socket.getPeerX509Certificate() !== undefined && !socket.authorized) {
      socket.destroy()
      return
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const handler = options.handlerFor(socket)
    void serveHttp(socket, {
      ...handler,
      admit(head) {
        const admitted = handler.admit(head)
        places.asked(socket, !('status' in admitted))
        return admitted
      },
    })
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const text = `Cannot listen on ${host} port ${port}: ${(cause as NodeJS.ErrnoException).code}`
    throw new LimenError('cannot-listen', text, { side: 'operator', retry: true, cause })
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server.close(), 'close')
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function serverOf({ certificate, key, authority }: ApiListenerOptions) {
  try {
    return createServer({
      ...{ cert: certificate, key, ca: authority, minVersion: 'TLSv1.3' },
      ...{ requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_MS },
      // A resumed session would not look at the certificate again.
      secureOptions: constants.SSL_OP_NO_TICKET,
      ...{ ALPNProtocols: ['http/1.1'], allowHalfOpen: true },
    })
  } catch (cause) {
    const text = `The server's certificate and key are none: ${(cause as Error).message}`
    throw new LimenError('credentials-bad', text, { side: 'operator', retry: false, cause })
  }
}
