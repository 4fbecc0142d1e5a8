import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { it } from 'node:test'
import tls from 'node:tls'
import v8 from 'node:v8'
import vm from 'node:vm'
import { testCertificate } from '../../../test/tls-pair.ts'
import { HandleAccepted } from './accepted.ts'
import { NATIVE, type NativeStreams, type TcpHandle } from './native-streams.ts'
import { OCTETS } from './octets.ts'
import { Outlet } from './outlet.ts'
import { NativeTls } from './tls-session.ts'

const CONNECTIONS = 40
/** Large enough for a space of its own, with a young and an old part. */
const HELD_NUMBERS = 50_000
const HELD_BYTES = HELD_NUMBERS * 8

const { certPem, keyPem } = await testCertificate('localhost')
const secureContext = tls.createSecureContext({ cert: certPem, key: keyPem })
const streams = NATIVE as NativeStreams

v8.setFlagsFromString('--expose-gc')
const collectNursery = vm.runInNewContext('() => gc({ type: "minor" })') as () => void

/** What the old generation holds of large objects. */
function largeBytes(): number {
  const space = v8.getHeapSpaceStatistics().find((each) => each.space_name === 'large_object_space')
  assert.ok(space, 'V8 calls its spaces something else')
  return space.space_used_size
}

const manyNumbers = (): number[] => Array.from({ length: HELD_NUMBERS }, (_, i) => i + 0.5)

/** Answers one connection over TLS; all it is made of leads to many numbers. */
function serve(handle: TcpHandle): void {
  const accepted = new HandleAccepted(handle, streams)
  const held = manyNumbers()
  accepted.channel.takeReads((from, to) => {
    const octets = Buffer.from(OCTETS.subarray(from, to))
    accepted.channel.giveBackReads()
    accepted.channel.stopReads()
    const session = new NativeTls(
      accepted,
      {
        secureContext,
        alpn: Buffer.from('\x08http/1.1'),
        onSecure: () => {
          const outlet = new Outlet(session.channel, () => assert.equal(held.length, HELD_NUMBERS))
          outlet.write(Buffer.from('answer'))
          outlet.end()
          session.channel.takeReads(() => held.length > 0)
          session.channel.onEnd(() => accepted.destroy())
        },
        onFailed: () => accepted.destroy(),
      },
      streams,
    )
    session.start(octets)
    return true
  })
  accepted.channel.resumeReads()
}

it('a closed connection is gone with the next collection of the nursery (docs/decisions/0033)', async () => {
  const server = net.createServer().unref()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { _handle } = server as unknown as { _handle: { onconnection: unknown } }
  _handle.onconnection = (_status: number, handle: TcpHandle) => serve(handle)
  const { port } = server.address() as AddressInfo
  const before = largeBytes()
  // What is alive is seen.
  const alive = [manyNumbers(), manyNumbers()]
  for (let i = 0; i < CONNECTIONS; i++) {
    const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    let answer = ''
    client.on('data', (chunk) => (answer += String(chunk)))
    await once(client, 'close')
    assert.equal(answer, 'answer')
  }
  // What is alive moves to the old generation with the second.
  collectNursery()
  collectNursery()
  const kept = (largeBytes() - before) / HELD_BYTES
  server.close()
  assert.ok(kept >= alive.length, `${kept} of ${alive.length} that are alive are seen`)
  const held = kept - alive.length
  assert.ok(held < CONNECTIONS / 4, `${held} of ${CONNECTIONS} closed ones are still held`)
})
