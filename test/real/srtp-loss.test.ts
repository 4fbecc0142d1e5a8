import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { it } from 'node:test'
import { bindSockets } from '../../src/apps/media/datagrams.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { DEVICE, freePair, startMediaWorld } from '../media-world.ts'

const HOST = '127.0.0.1'
const SEED = 11_589_100
const ROTATIONS = 100
const PACKETS_PER_S = 2000
const LOSS = 0.02
const PACKET_BYTES = 1200
/** After a pause of the machine: what the least of socket buffers takes (net.core.rmem_default of Linux). */
const BURST_MAX = 40
/** A busy machine may take its time. */
const WAIT_MS = 300_000
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

it(`${ROTATIONS} rotations at ${PACKETS_PER_S} packets a second and a loss of ${100 * LOSS} %: what arrives is understood`, async () => {
  const random = seededRandom(SEED)
  const outputPort = await freePair()
  const [sink, relay] = await bindSockets([
    { host: HOST, port: outputPort },
    { host: HOST, port: 0 },
  ])
  const world = await startMediaWorld({
    ...{ output: { host: HOST, port: outputPort }, rotateEveryMs: 1 },
    through: { host: HOST, port: relay.address().port },
  })
  const encoder = createSocket('udp4')
  let [lost, passed, came, sent] = [0, 0, 0, 0]
  const wrong: number[] = []
  relay.on('message', (packet) => {
    if (random.fraction() < LOSS) {
      lost++
      return
    }
    passed++
    relay.send(packet, world.transport.port, HOST)
  })
  sink.on('message', (packet) => {
    came++
    // Each octet of the payload is the same, and said by the timestamp.
    const octet = packet[7] ?? 0
    if (packet.length !== PACKET_BYTES || packet.subarray(12).some((one) => one !== octet)) {
      wrong.push(packet.readUInt16BE(2))
    }
  })
  // Orders and answers get lost, too.
  world.passes = () => random.fraction() >= LOSS
  const changes = () => world.news.filter(({ kind }) => kind === 'changed').length
  try {
    const begun = performance.now()
    while (changes() <= ROTATIONS) {
      assert.ok(performance.now() - begun < WAIT_MS, `${changes()} rotations`)
      const due = ((performance.now() - begun) / 1000) * PACKETS_PER_S
      for (const end = Math.min(due, sent + BURST_MAX); sent < end; ) {
        const packet = Buffer.alloc(PACKET_BYTES, sent & 255)
        packet[0] = 0x80
        packet[1] = 96
        packet.writeUInt16BE(sent & 0xffff, 2)
        packet.writeUInt32BE(sent & 255, 4)
        packet.writeUInt32BE(7, 8)
        encoder.send(packet, world.agent.port, HOST)
        sent++
      }
      await pause(5)
    }
    const rate = (1000 * sent) / (performance.now() - begun)
    for (let before = -1; before !== came; ) {
      before = came
      await pause(500)
    }
    const { dropped, streams } = world.transport.figures(DEVICE) ?? assert.fail()
    const counts = world.agent.counts()
    const what = `${lost} lost on the way, ${came} came, ${changes()} rotations`
    console.log(`${sent} packets, ${rate.toFixed(0)} a second, ${what}`)
    assert.deepEqual(dropped, { malformed: 0, unknown: 0, replay: 0, auth: 0, streams: 0 })
    assert.deepEqual(world.transport.dropped(), dropped)
    // Before the first key nothing is sent.
    assert.deepEqual(counts.refused, {
      ...counts.refused,
      malformed: 0,
      used: 0,
      streams: 0,
      spent: 0,
    })
    assert.equal(streams[0]?.packets, passed)
    assert.equal(came, passed)
    assert.deepEqual(wrong, [])
    assert.ok(lost > sent * LOSS * 0.5 && lost < sent * LOSS * 2)
  } finally {
    for (const socket of [sink, relay, encoder]) socket.close()
    await world.close()
  }
})
