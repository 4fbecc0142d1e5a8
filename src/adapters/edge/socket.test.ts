import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import tls from 'node:tls'
import { type TestCertificate, testCertificate } from '../../../test/tls-pair.ts'
import { OCTETS } from './octets.ts'
import { READS_BYPASS_STREAMS, resumeReads, stopReads, takeReads, writePast } from './socket.ts'

const certificate = await testCertificate('localhost')

/** Accepts one connection, plain or TLS, and hands its server side over. */
async function accepted(secure: TestCertificate | undefined) {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client =
    secure === undefined
      ? net.connect(port, '127.0.0.1')
      : tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  const [raw] = (await once(server, 'connection')) as [net.Socket]
  let socket = raw
  if (secure !== undefined) {
    const secureContext = tls.createSecureContext({ cert: secure.certPem, key: secure.keyPem })
    socket = new tls.TLSSocket(raw, { isServer: true, secureContext })
    await Promise.all([once(socket, 'secure'), once(client, 'secureConnect')])
  }
  const close = () => {
    client.destroy()
    socket.destroy()
    server.close()
  }
  return { client, socket, close }
}

for (const [name, secure] of [
  ['an accepted socket', undefined],
  ['a TLS server socket', certificate],
] as const) {
  describe(`takeReads() on ${name}`, () => {
    it('gets every octet, and the stream none', async () => {
      const { client, socket, close } = await accepted(secure)
      let text = ''
      socket.on('data', () => assert.fail('the stream was given data'))
      const arrived = new Promise<void>((resolve) => {
        takeReads(socket, (from, to) => {
          text += OCTETS.toString('latin1', from, to)
          if (text.endsWith('end')) resolve()
          return true
        })
      })
      client.write('begin ')
      client.write(`${'x'.repeat(200_000)}end`)
      await arrived
      assert.equal(text, `begin ${'x'.repeat(200_000)}end`)
      close()
    })

    it('stops when told false, and reads on after resumeReads()', async () => {
      const { client, socket, close } = await accepted(secure)
      const seen: string[] = []
      let wake = (): void => {}
      takeReads(socket, (from, to) => {
        seen.push(OCTETS.toString('latin1', from, to))
        wake()
        return seen.length > 1
      })
      const next = () => new Promise<void>((resolve) => (wake = resolve))
      const first = next()
      client.write('one')
      await first
      const second = next()
      client.write('two')
      // The kernel has it, we have not asked: only a later read may bring it.
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(seen, ['one'])
      resumeReads(socket)
      await second
      assert.equal(seen.join(''), 'onetwo')
      stopReads(socket)
      close()
    })

    it('leaves the end of the data to the stream', async () => {
      const { client, socket, close } = await accepted(secure)
      takeReads(socket, () => true)
      client.end('bye')
      await once(socket, 'end')
      close()
    })
  })
}

describe('this Node', () => {
  it('lets reads bypass the streams (else they cost a copy: see docs/decisions/0004)', () => {
    assert.equal(READS_BYPASS_STREAMS, true)
  })
})

describe('writePast()', () => {
  it('loses and reorders nothing, however slowly the other side reads', async () => {
    const { client, socket, close } = await accepted(undefined)
    // Numbered pieces, more of them than the kernel takes at once.
    const pieces = Array.from({ length: 400 }, (_, i) => Buffer.alloc(16_384, i & 255))
    let pending = false
    let waited = 0
    client.pause()
    for (const piece of pieces) {
      const written = pending
        ? 'unable'
        : writePast(socket, piece, () => {
            pending = false
          })
      if (written === 'pending') {
        pending = true
        waited++
      }
      if (written === 'unable') socket.write(piece)
    }
    socket.end()
    const received: Buffer[] = []
    client.on('data', (chunk) => received.push(chunk as Buffer))
    client.resume()
    await once(client, 'end')
    assert.ok(Buffer.concat(received).equals(Buffer.concat(pieces)))
    assert.ok(waited > 0, 'the kernel took all at once: nothing was tested')
    close()
  })
})
