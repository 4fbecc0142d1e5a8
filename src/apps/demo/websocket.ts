/**
 * The WebSocket at /ws (RFC 6455): sends back what it gets, within bounds.
 *
 * @module
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'

const MESSAGE_BYTES_MAX = 16_384
const SOCKETS_MAX = 1000
/** Bytes a reader may leave unread before it is dropped: the sum of 64 messages. */
const BUFFERED_BYTES_MAX = 64 * MESSAGE_BYTES_MAX

export interface EchoSockets {
  /** Sends every open socket the close code 1001, going away, and drops it. */
  close(): void
}

/** Takes over upgrades of `server` to /ws; any other upgrade is refused with 404. */
export function echoWebSockets(server: Server, id: string): EchoSockets {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const path = (request.url ?? '').split('?')[0]
    if (path !== '/ws') refuse(socket, '404 Not Found')
    else if (sockets.clients.size >= SOCKETS_MAX) refuse(socket, '503 Service Unavailable')
    else {
      sockets.handleUpgrade(request, socket, head, (client) =>
        sockets.emit('connection', client, request),
      )
    }
  })
  sockets.on('connection', (client) => {
    client.on('error', () => client.terminate())
    client.on('message', (data, isBinary) => {
      if (client.bufferedAmount > BUFFERED_BYTES_MAX) client.terminate()
      else client.send(data, { binary: isBinary })
    })
    client.send(`hello from server ${id}`)
  })
  return {
    close() {
      for (const client of sockets.clients) {
        client.close(1001)
        client.terminate()
      }
      sockets.close()
    },
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
