/**
 * After an upgrade (101): octets both ways until one side ends, each side held back by the other.
 *
 * @module
 */

import type { ClientConnection } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { keep } from './octets.ts'
import type { Outlet } from './outlet.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Octets on their way to the client before the upstream is held back. */
const WAITING_MAX = 65_536

export interface TunnelOptions {
  readonly connection: ClientConnection
  /** Where octets go to the client. */
  readonly outlet: Outlet
  readonly upstream: UpstreamConnection
  /** What the client sent right behind its request. */
  readonly early: Buffer | undefined
  readonly edge: EdgeContext
  onClose(): void
  onDeadline(deadline: number): void
}

export function joinTunnel({
  connection,
  outlet,
  upstream,
  early,
  edge,
  onClose,
  onDeadline,
}: TunnelOptions): void {
  const client = connection.channel
  const server = upstream.socket
  let open = true
  const touch = () => onDeadline(edge.lately + edge.settings.timeouts.tunnelIdleMs)
  const close = () => {
    if (!open) return
    open = false
    outlet.end()
    server.destroySoon()
    onClose()
  }

  upstream.tunnel((from, to) => {
    touch()
    connection.bytesOut += to - from
    edge.meter.bytesOut += to - from
    outlet.write(keep(from, to))
    return outlet.waiting < WAITING_MAX
  })
  client.takeReads((from, to) => {
    touch()
    connection.bytesIn += to - from
    edge.meter.bytesIn += to - from
    return server.write(keep(from, to))
  })
  // Not a literal at the property: docs/decisions/0033.
  const resume = () => server.resume()
  outlet.onDrain = resume
  server.on('drain', () => client.resumeReads())
  client.onEnd(() => server.end())
  server.on('end', () => outlet.end())
  connection.accepted.onClose(close)
  server.on('close', close)
  touch()
  if (early !== undefined && !server.write(early)) client.stopReads()
  else client.resumeReads()
}
