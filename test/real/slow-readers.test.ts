/**
 * Clients that ask for more than the edge holds for them, and do not read: they keep an upstream connection
 * only as long as nobody else needs it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { it } from 'node:test'
import { startEdge } from './edge-under-test.ts'

const LARGE_BYTES = 32 * 1024 * 1024
const CONNECTIONS = 8

async function origin() {
  const large = Buffer.alloc(LARGE_BYTES, 'x')
  const server = http.createServer((request, response) => {
    response.end(request.url === '/large' ? large : 'small')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

/** Asks and reads only the first octets. */
async function stalledReader(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  socket.pause()
  return socket
}

function ask(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path: '/', agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', reject)
  })
}

it('a pool held by slow readers of large answers still answers everybody else', async (t) => {
  const upstream = await origin()
  const edge = await startEdge({
    upstreamPorts: [upstream.port],
    server: { connectionsMax: CONNECTIONS },
    // The limit on slow reading is far away: it is not what frees the connections here.
    timeouts: { readMs: 60_000, firstByteMs: 60_000, queueMs: 4000 },
  })
  const readers = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => stalledReader(edge.plainPort)),
  )
  t.after(() => {
    for (const reader of readers) reader.destroy()
    edge.close()
    upstream.close()
  })
  const held = () => edge.edge.servers()[0]?.inFlight ?? 0
  assert.equal(held(), CONNECTIONS)
  const statuses: number[] = []
  for (let i = 0; i < 5; i++) statuses.push(await ask(edge.plainPort))
  assert.deepEqual(statuses, [200, 200, 200, 200, 200])
  assert.equal(edge.edge.meter.refusals.get('slow-reader'), 1, 'one reader was enough to cut off')
  assert.equal(held(), CONNECTIONS - 1)
})
