import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, it } from 'node:test'
import tls from 'node:tls'
import fc from 'fast-check'
import * as h2 from '../../src/wire/http2-frame.ts'
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { asking, frame, Http2Peer, settings, u32 } from './http2-peer.ts'
import { type StrictOrigin, startStrictOrigin } from './strict-origin.ts'

/** Each run is a connection with TLS of its own: fewer of them. */
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Math.ceil(Number(LIMEN_FUZZ_RUNS ?? 20_000) / 50)
const SEED = 75_409_113
/** On a machine that others use, too. */
const CASE_MS = 30_000

let origin: StrictOrigin
let under: EdgeUnderTest
before(async () => {
  origin = await startStrictOrigin()
  under = await startEdge({ upstreamPorts: [origin.port] })
})
after(async () => {
  under.close()
  await origin.close()
})

/** GET https://a.test/, without the compression table. */
const BLOCK = Buffer.concat([Buffer.of(0x82, 0x87, 0x84, 0x01, 6), Buffer.from('a.test')])
const stream = fc.oneof(fc.constantFrom(0, 1, 3, 5, 7), fc.nat(20))
const flags = fc.oneof(fc.constantFrom(0, 1, 4, 5), fc.nat(255))
const sensible: fc.Arbitrary<Buffer> = fc.oneof(
  fc.tuple(flags, stream).map(([flag, id]) => frame(h2.HEADERS, flag, id, BLOCK)),
  fc
    .tuple(flags, stream, fc.uint8Array({ maxLength: 30 }))
    .map(([flag, id, bytes]) => frame(h2.HEADERS, flag, id, Buffer.concat([BLOCK, bytes]))),
  fc
    .tuple(flags, stream, fc.uint8Array({ maxLength: 30 }))
    .map(([flag, id, bytes]) => frame(h2.CONTINUATION, flag, id, bytes)),
  fc
    .tuple(flags, stream, fc.uint8Array({ maxLength: 300 }))
    .map(([flag, id, bytes]) => frame(h2.DATA, flag, id, bytes)),
  fc
    .tuple(stream, fc.oneof(fc.constantFrom(0, 1, 65_535, 0x7fffffff, 0xffffffff), fc.nat()))
    .map(([id, by]) => frame(h2.WINDOW_UPDATE, 0, id, u32(by))),
  fc.tuple(stream, fc.nat(20)).map(([id, code]) => frame(h2.RST_STREAM, 0, id, u32(code))),
  fc
    .tuple(fc.nat(8), fc.oneof(fc.constantFrom(0, 1, 4096, 16_384, 65_535), fc.nat()))
    .map(([name, value]) => settings([[name, value]])),
  fc.constant(frame(h2.PING, 0, 0, Buffer.alloc(8))),
)
const anything = fc
  .tuple(fc.nat(12), flags, stream, fc.uint8Array({ maxLength: 40 }))
  .map(([type, flag, id, bytes]) => frame(type, flag, id, bytes))
/** A request on the next stream, which is what most clients send most of the time. */
const OPEN = Buffer.alloc(0)
const frames = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(OPEN) },
      { weight: 5, arbitrary: sensible },
      { weight: 1, arbitrary: anything },
    ),
    { minLength: 1, maxLength: 25 },
  )
  .map((pieces) => {
    let next = 1
    return [OPEN, ...pieces].map((piece) => {
      if (piece !== OPEN) return piece
      const opened = frame(
        h2.HEADERS,
        h2.END_HEADERS | (next % 4 === 1 ? h2.END_STREAM : 0),
        next,
        BLOCK,
      )
      next += 2
      return opened
    })
  })

/** On a machine with nothing else to do 4 would be enough. */
const ASK_MS = 8

/** Sends and leaves; whatever comes back is of no interest, only that something still answers afterwards. */
async function abuse(octets: Buffer, cut: number): Promise<void> {
  const socket = tls.connect({
    port: under.tlsPort,
    host: '127.0.0.1',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  })
  socket.on('error', () => {})
  socket.resume()
  await new Promise<void>((resolve) => {
    socket.once('close', resolve)
    socket.once('secureConnect', () => {
      socket.write(octets.subarray(0, cut))
      setImmediate(() => socket.write(octets.subarray(cut)))
      // Time for what it asked to be on its way upstream when it leaves.
      setTimeout(() => socket.end(), ASK_MS)
    })
    socket.setTimeout(CASE_MS, () => socket.destroy())
  })
}

it(`takes ${RUNS} streams of HTTP/2 frames: never a crash, nothing malformed behind, nothing held (seed ${SEED})`, async () => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(frames, fc.nat(2000), async (pieces, cut) => {
      const octets = Buffer.concat([h2.PREFACE, settings([]), ...pieces])
      await abuse(octets, cut % octets.length)
      assert.deepEqual(origin.violations, [])
      if (++runs % 50 !== 0) return
      const peer = await Http2Peer.connect(under.tlsPort)
      const id = peer.request(asking('/alive'))
      assert.equal(await peer.over(id, CASE_MS), true)
      assert.equal(peer.stream(id).body, 'GET /alive 0')
      peer.close()
    }),
    { numRuns: RUNS, seed: SEED },
  )
  const until = Date.now() + CASE_MS
  while (under.edge.servers()[0]?.inFlight !== 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal(under.edge.servers()[0]?.inFlight, 0)
  // With much other work on the machine a quarter was heard in time.
  assert.ok(origin.seen.length > RUNS / 10, `${origin.seen.length} requests got through`)
})

it('takes a connection that closes at once', async () => {
  const socket = net.connect(under.tlsPort, '127.0.0.1')
  socket.on('error', () => {})
  socket.end()
  await new Promise((resolve) => socket.on('close', resolve))
})
