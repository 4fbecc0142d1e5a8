/**
 * UDP sockets for media. Node reads and writes one datagram per call to the system: there is no recvmmsg or sendmmsg to be had, so what can
 * be saved is the rest: addresses are numbers and never looked up.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram'
import { isIP } from 'node:net'
import { LimenError } from '../../ground/limen-error.ts'

export interface Address {
  /** An IP address. */
  readonly host: string
  readonly port: number
}

/** Half a second of 8000 streams of 1 Mbit/s; systems may give less (net.core.rmem_max). */
const BUFFER_BYTES = 4 << 20

/** All, or none. @throws LimenError `media.listen` */
export async function bindSockets<const A extends readonly Address[]>(
  addresses: A,
): Promise<{ readonly [K in keyof A]: Socket }> {
  const outcomes = await Promise.allSettled(addresses.map(bindSocket))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  const sockets = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (failed === undefined) return sockets as { readonly [K in keyof A]: Socket }
  for (const socket of sockets) socket.close()
  throw failed.reason
}

/** Bound. What goes wrong later (no route, refused) loses a datagram, as UDP does. @throws LimenError `media.listen` */
export async function bindSocket({ host, port }: Address): Promise<Socket> {
  const family = isIP(host)
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  if (family === 0) {
    throw new LimenError('media.listen', `Cannot listen at ${host}: no IP address`, {
      ...{ side: 'operator', retry: false },
    })
  }
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    recvBufferSize: BUFFER_BYTES,
    sendBufferSize: BUFFER_BYTES,
    lookup: (address, _options, callback) => callback(null, address, family),
  })
  const failed = (cause: Error) =>
    reject(
      new LimenError('media.listen', `Cannot listen at ${host} port ${port}`, {
        ...{ side: 'operator', retry: true, cause },
      }),
    )
  socket.once('error', failed)
  socket.bind(port, host, () => {
    socket.off('error', failed)
    socket.on('error', () => undefined)
    resolve(socket)
  })
  return promise
}
