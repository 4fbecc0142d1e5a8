/**
 * After an upgrade (101): octets both ways until one side ends, each side held back by the other.
 *
 * @module
 */

import type { ClientConnection } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { keep } from './octets.ts'
import { resumeReads, stopReads, takeReads } from './socket.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export interface TunnelOptions {
  readonly connection: ClientConnection
  readonly upstream: UpstreamConnection
  /** What the client sent right behind its request. */
  readonly early: Buffer | undefined
  readonly edge: EdgeContext
  onClose(): void
  onDeadline(deadline: number): void
}

export function joinTunnel({
  connection,
  upstream,
  early,
  edge,
  onClose,
  onDeadline,
}: TunnelOptions): void {
  const client = connection.socket
  const server = upstream.socket
  let open = true
  const touch = () => onDeadline(edge.lately + edge.settings.timeouts.tunnelIdleMs)
  const close = () => {
    if (!open) return
    open = false
    client.destroySoon()
    server.destroySoon()
    onClose()
  }

  upstream.tunnel((from, to) => {
    touch()
    connection.bytesOut += to - from
    edge.meter.bytesOut += to - from
    return client.write(keep(from, to))
  })
  takeReads(client, (from, to) => {
    touch()
    connection.bytesIn += to - from
    edge.meter.bytesIn += to - from
    return server.write(keep(from, to))
  })
  client.on('drain', () => server.resume())
  server.on('drain', () => resumeReads(client))
  client.on('end', () => server.end())
  server.on('end', () => client.end())
  client.on('close', close)
  server.on('close', close)
  touch()
  if (early !== undefined && !server.write(early)) stopReads(client)
  else resumeReads(client)
}
