/**
 * What stands before several edges: one address whose connections go to them in turn, to the next where one does not
 * answer. Knows nothing of HTTP, so that what a client sees is what the edges do.
 *
 * @module
 */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

export interface ConnectionBalancer {
  readonly port: number
  /** Connections that are open to each, in the order they were named. */
  open(): readonly number[]
  close(): Promise<void>
}

export async function startBalancer(ports: readonly number[]): Promise<ConnectionBalancer> {
  const sockets = new Set<net.Socket>()
  const open = ports.map(() => 0)
  let turn = 0
  const connect = (client: net.Socket, tries: number): void => {
    const which = turn++ % ports.length
    const edge = net.connect({ port: ports[which] ?? 0, host: '127.0.0.1', allowHalfOpen: true })
    let isThere = false
    const keep = (by: number): void => {
      open[which] = (open[which] ?? 0) + by
    }
    edge.once('connect', () => {
      isThere = true
      keep(1)
      sockets.add(edge)
      client.pipe(edge)
      edge.pipe(client)
    })
    edge.on('error', () => {
      if (!isThere && tries > 1) connect(client, tries - 1)
      else client.destroy()
    })
    edge.on('close', (hadError) => {
      if (!isThere) return
      keep(-1)
      sockets.delete(edge)
      if (hadError) client.destroy()
    })
    client.on('close', () => edge.destroy())
  }
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    sockets.add(client)
    client.on('error', () => client.destroy()).on('close', () => sockets.delete(client))
    connect(client, ports.length)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    open: () => [...open],
    async close() {
      const closed = once(server.close(), 'close')
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
