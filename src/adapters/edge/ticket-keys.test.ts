import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import tls from 'node:tls'
import { testCertificate } from '../../../test/tls-pair.ts'
import { TICKET_KEY_BYTES, TicketKeys } from './ticket-keys.ts'

const { certPem, keyPem } = await testCertificate('localhost')
const key = () => randomBytes(TICKET_KEY_BYTES)

/** A server as another worker would be: its own context, the same keys. */
async function serverWith(keys: readonly Uint8Array[]) {
  const secureContext = tls.createSecureContext({ cert: certPem, key: keyPem })
  new TicketKeys(keys).serve(secureContext, { profile: '' })
  const server = net.createServer((raw) => {
    // As the edge does it: the context is known before TLS begins.
    const socket = new tls.TLSSocket(raw, { isServer: true, secureContext })
    socket.on('secure', () => socket.end('hello'))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A failed assertion must not keep the process alive.
  server.unref()
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

/** One connection; the tickets it was given, and whether it was resumed. */
async function visit(port: number, maxVersion: 'TLSv1.2' | 'TLSv1.3', session?: Buffer) {
  const socket = tls.connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    rejectUnauthorized: false,
    maxVersion,
    ...(session === undefined ? {} : { session }),
  })
  const tickets: Buffer[] = []
  let resumed = false
  socket.on('session', (ticket) => tickets.push(ticket))
  socket.on('secureConnect', () => {
    resumed = socket.isSessionReused()
  })
  socket.resume()
  await once(socket, 'close')
  return { tickets, resumed }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  describe(`TicketKeys over ${version}`, () => {
    it('resumes on another worker with the same keys', async () => {
      const keys = [key()]
      const [a, b] = [await serverWith(keys), await serverWith(keys)]
      const { tickets } = await visit(a.port, version)
      assert.equal((await visit(b.port, version, tickets[0])).resumed, true)
      a.close()
      b.close()
    })

    it('resumes across a rotation: the newest seals, the older still opens', async () => {
      const [older, newer] = [key(), key()]
      const [before, after] = [await serverWith([older]), await serverWith([newer, older])]
      const { tickets } = await visit(before.port, version)
      assert.equal((await visit(after.port, version, tickets[0])).resumed, true)
      before.close()
      after.close()
    })

    it('shakes hands in full when the key is gone', async () => {
      const [before, after] = [await serverWith([key()]), await serverWith([key()])]
      const { tickets } = await visit(before.port, version)
      const again = await visit(after.port, version, tickets[0])
      assert.equal(again.resumed, false)
      assert.ok(again.tickets.length > 0)
      before.close()
      after.close()
    })

    it('resumes every visit of a chain: TLS 1.3 brings a fresh ticket each time', async () => {
      const { port, close } = await serverWith([key()])
      let { tickets } = await visit(port, version)
      for (let i = 0; i < 10; i++) {
        const next = await visit(port, version, tickets.at(-1))
        assert.equal(next.resumed, true, `visit ${i}`)
        if (version === 'TLSv1.3')
          assert.ok(next.tickets.length > 0, `visit ${i} brought no ticket`)
        if (next.tickets.length > 0) tickets = next.tickets
      }
      close()
    })
  })
}

describe('TicketKeys', () => {
  it('refuses a key of another length', () => {
    assert.throws(() => new TicketKeys([new Uint8Array(32)]), /48/)
  })
})
