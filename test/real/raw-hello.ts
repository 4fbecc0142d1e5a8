/**
 * A ClientHello of Node's as octets, to be sent by hand by clients that go on in their own way.
 *
 * @module
 */
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'

export async function nodeHello(servername: string): Promise<Buffer> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = tls.connect({ port, host: '127.0.0.1', servername })
  client.on('error', () => {})
  const [accepted] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(accepted, 'data')) as [Buffer]
  client.destroy()
  server.close()
  return hello
}

/** A client that has said hello and says no more by itself. */
export async function greet(
  port: number,
  servername = 'localhost',
): Promise<{ readonly socket: Socket; readonly hello: Buffer }> {
  const hello = await nodeHello(servername)
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  socket.on('error', () => {})
  socket.write(hello)
  return { socket, hello }
}
