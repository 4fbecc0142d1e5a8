import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import {
  type DeviceSite,
  freeMediaPort,
  HOST,
  type Started,
  startDeviceSite,
  startProcess,
  until,
} from './device-keys-site.ts'
import { decodedFrames, nalUnits } from './h264-frames.ts'

const DEVICE = 'camera-1'
const SEED = 11_589_100
const LOSS = 0.02
const ROTATIONS = 100
/** With the rate below about 2000 packets a second. */
const PACKET_BYTES = 500
const BITRATE = '5200k'
/** A busy machine may take its time. */
const ROTATIONS_MS = 300_000
const NOTHING = { malformed: 0, unknown: 0, replay: 0, auth: 0, streams: 0 }

/** Whether a packet gets lost, by its number: the same with Limen and without. */
function isLost(turn: number, sequence: number): boolean {
  const digest = createHash('sha256').update(`${SEED} ${turn} ${sequence}`).digest()
  return digest.readUInt32BE(0) / 2 ** 32 < LOSS
}

/** Counts the turns of the sequence numbers of a stream that keeps its order. */
class Turns {
  #turn = 0
  #last = 0
  of(sequence: number): number {
    if (sequence < this.#last - 32_768) this.#turn++
    this.#last = sequence
    return this.#turn
  }
}

function makeVideo(file: string): void {
  const made = spawnSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-t', '20'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-threads', '1'],
      ...['-b:v', BITRATE, '-minrate', BITRATE, '-maxrate', BITRATE, '-bufsize', '520k'],
      ...['-x264-params', 'nal-hrd=cbr:keyint=30:slice-max-size=400', file],
    ],
    { encoding: 'utf8', timeout: 240_000 },
  )
  assert.equal(made.status, 0, made.stderr)
}

/** Sends it over and over, in its time. */
function startEncoder(file: string, port: number): Started {
  return startProcess('ffmpeg', 'ffmpeg', [
    ...['-v', 'error', '-re', '-stream_loop', '-1', '-i', file, '-an', '-c:v', 'copy'],
    ...['-f', 'rtp', '-ssrc', '7', `rtp://${HOST}:${port}?pkt_size=${PACKET_BYTES}`],
  ])
}

describe('keys of devices, over Mosquitto with TLS and its access list', () => {
  let video = ''
  let site: DeviceSite
  let sink: Socket
  let relay: Socket
  let transport: Started
  let agent: Started
  let agentPort: number
  let transportPort: number
  let encoder: Started | undefined
  const came: Buffer[] = []
  let relayed: (packet: Buffer) => void

  before(async () => {
    site = await startDeviceSite({ rotateEveryMs: 1 })
    video = join(site.folder, 'video.ts')
    makeVideo(video)
    const outputPort = await freeMediaPort()
    sink = await bindSocket({ host: HOST, port: outputPort })
    sink.on('message', (packet) => came.push(packet))
    relay = await bindSocket({ host: HOST, port: 0 })
    relay.on('message', (packet) => relayed(packet))
    transportPort = await freeMediaPort()
    relayed = (packet) => relay.send(packet, transportPort, HOST)
    transport = await site.startTransport(transportPort, [`${DEVICE}=${HOST}:${outputPort}`])
    agentPort = await freeMediaPort()
    agent = await site.startAgent(DEVICE, agentPort, relay.address().port)
    await until('a key', async () => site.audit('device.changed', DEVICE) > 0)
  })
  after(async () => {
    await encoder?.stop('SIGKILL')
    for (const socket of [sink, relay]) socket?.close()
    await site?.close()
  })

  it(`${ROTATIONS} rotations of a video at 2000 packets a second and a loss of 2 %: every frame as without Limen`, async () => {
    const [lossy, plain] = [new Turns(), new Turns()]
    let [passed, lost, sent] = [0, 0, 0]
    relayed = (packet) => {
      const isControl = (packet[1] ?? 0) >= 192 && (packet[1] ?? 0) <= 223
      const sequence = packet.readUInt16BE(2)
      if (!isControl && isLost(lossy.of(sequence), sequence)) {
        lost++
        return
      }
      if (!isControl) passed++
      relay.send(packet, transportPort, HOST)
    }
    // The control: the same packets, the same losses, and no Limen.
    const control: Buffer[] = []
    const inputPort = await freeMediaPort()
    const input = await bindSocket({ host: HOST, port: inputPort })
    const agentSide = createSocket('udp4')
    input.on('message', (packet) => {
      sent++
      const sequence = packet.readUInt16BE(2)
      if (!isLost(plain.of(sequence), sequence)) control.push(packet)
      agentSide.send(packet, agentPort, HOST)
    })
    const first = site.audit('device.changed', DEVICE)
    const begun = performance.now()
    encoder = startEncoder(video, inputPort)
    const rotations = () => site.audit('device.changed', DEVICE) - first
    await until(`${ROTATIONS} rotations`, () => rotations() >= ROTATIONS, ROTATIONS_MS)
    const tookS = (performance.now() - begun) / 1000
    await encoder.stop('SIGKILL')
    for (let before = -1; before !== came.length; ) {
      before = came.length
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    input.close()
    agentSide.close()
    const changed = rotations()
    const figures = JSON.parse((await transport.stop()).split('\n').at(-2) ?? '')
    const counts = JSON.parse((await agent.stop()).split('\n').at(-2) ?? '')
    const rate = `${sent} packets, ${(sent / tookS).toFixed(0)} a second`
    console.log(`${rate}, ${lost} lost on the way, ${came.length} came, ${changed} rotations`)
    const { dropped } = figures.devices[DEVICE]
    assert.deepEqual(dropped, NOTHING)
    assert.deepEqual(figures.dropped, NOTHING)
    assert.deepEqual(counts.refused, { inactive: 0, malformed: 0, used: 0, streams: 0, spent: 0 })
    assert.ok(lost > 0.01 * sent && lost < 0.03 * sent)
    assert.equal(came.length, passed)
    assert.equal(came.length, control.length)
    assert.ok(came.every((packet, i) => control[i]?.equals(packet)))
    const [mine, wanted] = [came, control].map((packets, i) =>
      decodedFrames(nalUnits(packets), join(site.folder, `frames-${i}.h264`)),
    )
    console.log(`${mine?.length} frames decoded, of ${(tookS * 30).toFixed(0)} sent`)
    assert.ok((mine?.length ?? 0) > tookS * 10)
    assert.deepEqual(mine, wanted)
  })
})
