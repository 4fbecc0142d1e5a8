import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import tls from 'node:tls'
import { testCertificate } from '../../../test/tls-pair.ts'
import { type Accepted, HandleAccepted, SocketAccepted } from './accepted.ts'
import { NATIVE, type NativeStreams, type TcpHandle } from './native-streams.ts'
import { OCTETS } from './octets.ts'
import { Outlet } from './outlet.ts'
import { NativeTls, SocketTls, type TlsOptions, type TlsSession } from './tls-session.ts'

const { certPem, keyPem } = await testCertificate('localhost')
const secureContext = tls.createSecureContext({ cert: certPem, key: keyPem })
const alpn = Buffer.from('\x02h2\x08http/1.1')
const streams = NATIVE as NativeStreams

interface Maker {
  accept(server: net.Server): Promise<Accepted>
  make(accepted: Accepted, options: TlsOptions): TlsSession
}

async function acceptSocket(server: net.Server): Promise<Accepted> {
  const [socket] = (await once(server, 'connection')) as [net.Socket]
  return new SocketAccepted(socket)
}

function acceptHandle(server: net.Server): Promise<Accepted> {
  const { _handle } = server as unknown as { _handle: { onconnection: unknown } }
  return new Promise((resolve) => {
    _handle.onconnection = (_status: number, handle: TcpHandle) =>
      resolve(new HandleAccepted(handle, streams))
  })
}

const makeNative = (accepted: Accepted, options: TlsOptions) =>
  new NativeTls(accepted, options, streams)

const MAKERS: Record<string, Maker> = {
  'NativeTls on a handle': { accept: acceptHandle, make: makeNative },
  'NativeTls on a socket': { accept: acceptSocket, make: makeNative },
  SocketTls: {
    accept: acceptSocket,
    make: (accepted, options) => new SocketTls(accepted as SocketAccepted, options),
  },
}

/** Accepts one connection, reads what comes first, and puts TLS on it. */
async function accepted({ accept, make }: Maker, connect: (port: number) => net.Socket) {
  const server = net.createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const arrives = accept(server)
  const client = connect((server.address() as AddressInfo).port)
  client.on('error', () => {})
  const socket = await arrives
  const events: string[] = []
  let session: TlsSession | undefined
  let happened = (): void => {}
  const outcome = new Promise<void>((resolve) => (happened = resolve))
  socket.channel.takeReads((from, to) => {
    const octets = Buffer.from(OCTETS.subarray(from, to))
    socket.channel.giveBackReads()
    socket.channel.stopReads()
    session = make(socket, {
      secureContext,
      alpn,
      onSecure: () => {
        events.push('secure')
        happened()
      },
      onFailed: (reason) => {
        events.push(reason)
        happened()
      },
    })
    session.start(octets)
    return true
  })
  socket.channel.resumeReads()
  await outcome
  const close = () => {
    client.destroy()
    socket.destroy()
    server.close()
  }
  const tlsSession = session as TlsSession
  return { session: tlsSession, channel: tlsSession.channel, client, socket, events, close }
}

const connectTls =
  (options: tls.ConnectionOptions = {}) =>
  (port: number) =>
    tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })

describe('this Node', () => {
  it('lets TLS do without a TLSSocket (else handshakes cost more: docs/decisions/0009)', () => {
    assert.notEqual(NATIVE, undefined)
  })
})

for (const [name, make] of Object.entries(MAKERS)) {
  describe(name, () => {
    it('shakes hands and says what was agreed', async () => {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const { session, events, close } = await accepted(
          make,
          connectTls({ ALPNProtocols: ['http/1.1'], minVersion: version, maxVersion: version }),
        )
        assert.deepEqual(events, ['secure'])
        assert.equal(session.version, version)
        assert.equal(session.alpn, 'http/1.1')
        assert.equal(session.resumed, false)
        close()
      }
    })

    it('reads and writes 5 MB both ways, in order, and whole', async () => {
      const { channel, client, close } = await accepted(make, connectTls())
      const piece = Buffer.alloc(100_000, 'abcdefghij')
      let read = 0
      const got: Buffer[] = []
      const outlet = new Outlet(channel, () => {})
      const allRead = new Promise<void>((resolve) => {
        channel.takeReads((from, to) => {
          for (let at = from; at < to; at++, read++) assert.equal(OCTETS[at], piece[read % 10])
          if (read === 50 * piece.length) resolve()
          return true
        })
      })
      channel.resumeReads()
      client.on('data', (chunk) => got.push(chunk as Buffer))
      for (let i = 0; i < 50; i++) {
        client.write(piece)
        outlet.write(piece)
      }
      await allRead
      outlet.end()
      await once(client, 'end')
      assert.ok(Buffer.concat(got).equals(Buffer.concat(Array(50).fill(piece))))
      close()
    })

    it('stops reading when told false, and reads on', async () => {
      const { channel, client, close } = await accepted(make, connectTls())
      const seen: string[] = []
      let wake = (): void => {}
      channel.takeReads((from, to) => {
        seen.push(OCTETS.toString('latin1', from, to))
        wake()
        return seen.length > 1
      })
      channel.resumeReads()
      const next = () => new Promise<void>((resolve) => (wake = resolve))
      const first = next()
      client.write('one')
      await first
      const second = next()
      client.write('two')
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(seen, ['one'])
      channel.resumeReads()
      await second
      assert.equal(seen.join(''), 'onetwo')
      close()
    })

    it('hears the end of the client, and may still answer', async () => {
      const { channel, client, socket, close } = await accepted(
        make,
        connectTls({ allowHalfOpen: true } as tls.ConnectionOptions),
      )
      channel.takeReads(() => true)
      const ended = new Promise<void>((resolve) => channel.onEnd(resolve))
      channel.resumeReads()
      const closed = new Promise<void>((resolve) => socket.onClose(resolve))
      client.end('request')
      await ended
      const outlet = new Outlet(channel, () => {})
      outlet.write(Buffer.from('answer'))
      outlet.end()
      const [chunk] = (await once(client, 'data')) as [Buffer]
      assert.equal(chunk.toString(), 'answer')
      await closed
      assert.equal(channel.destroyed, true)
      close()
    })

    it('says that a handshake failed, or that the client left', async () => {
      const hello = Buffer.from('1603010005010000010000', 'hex')
      const failing = await accepted(make, (port) =>
        net.connect(port, '127.0.0.1', function (this: net.Socket) {
          this.write(hello)
        }),
      )
      assert.deepEqual(failing.events, ['failed'])
      assert.equal(failing.channel.destroyed, true)
      failing.close()
      const leaving = await accepted(make, (port) =>
        net.connect(port, '127.0.0.1', function (this: net.Socket) {
          this.end(hello.subarray(0, 5))
        }),
      )
      assert.deepEqual(leaving.events, ['closed'])
      leaving.close()
    })

    it('says that a client broke the protocol later', async () => {
      let raw: net.Socket | undefined
      const { channel, events, socket, close } = await accepted(make, (port) => {
        raw = net.connect(port, '127.0.0.1')
        return tls.connect({ socket: raw, rejectUnauthorized: false })
      })
      channel.takeReads(() => true)
      channel.resumeReads()
      const closed = new Promise<void>((resolve) => socket.onClose(resolve))
      raw?.write(Buffer.from('17030300100000000000000000000000000000000000', 'hex'))
      await closed
      assert.deepEqual(events, ['secure', 'broken'])
      close()
    })

    it('may be destroyed at any time, even while it writes or is being read', async () => {
      const { channel, client, close } = await accepted(make, connectTls())
      const closed = new Promise((resolve) => client.on('close', resolve))
      // Who does not read what came does not hear that it was the last.
      client.resume()
      channel.takeReads(() => {
        channel.writePast(Buffer.alloc(1_000_000), () => {})
        channel.destroy()
        channel.destroy()
        channel.end()
        channel.resumeReads()
        channel.stopReads()
        assert.notEqual(
          channel.writePast(Buffer.from('x'), () => {}),
          'pending',
        )
        return true
      })
      channel.resumeReads()
      client.write('x'.repeat(100_000))
      await closed
      assert.equal(channel.destroyed, true)
      close()
    })
  })
}
