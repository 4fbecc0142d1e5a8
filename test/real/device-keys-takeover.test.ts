/**
 * Somebody has the key of a camera and sends pictures of his own in its place, from an encoder of his own: the transport sees it, another key
 * is due by that alone, he is locked out and the camera goes on.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { it } from 'node:test'
import { SrtpSender } from '../../src/adapters/media/srtp-sender.ts'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import { LEARN_MS } from '../../src/behavior/device/stream-watch.ts'
import {
  freeMediaPort,
  HOST,
  type Started,
  startDeviceSite,
  startProcess,
  until,
} from './device-keys-site.ts'

const DEVICE = 'camera-1'
/** Packets. */
const AHEAD = 20
/** A busy machine may take its time. */
const LEARNING_MS_MAX = LEARN_MS + 120_000

function makeVideo(file: string, source: string, preset: string): void {
  const options = ['-c:v', 'libx264', '-preset', preset, '-tune', 'zerolatency', '-g', '30']
  const made = spawnSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', `${source}=size=640x360:rate=30`, '-t', '10'],
      ...[...options, '-threads', '1', '-b:v', '1500k', file],
    ],
    { encoding: 'utf8', timeout: 240_000 },
  )
  assert.equal(made.status, 0, made.stderr)
}

function startEncoder(file: string, port: number): Started {
  return startProcess('ffmpeg', 'ffmpeg', [
    ...['-v', 'error', '-re', '-stream_loop', '-1', '-i', file, '-an', '-c:v', 'copy'],
    ...['-f', 'rtp', '-ssrc', '7', `rtp://${HOST}:${port}?pkt_size=1200`],
  ])
}

it('a second encoder with the key of the first is noticed and locked out, and the first goes on', async () => {
  const site = await startDeviceSite()
  const outputPort = await freeMediaPort()
  const sink = await bindSocket({ host: HOST, port: outputPort })
  const thiefPort = await freeMediaPort()
  const thiefInput = await bindSocket({ host: HOST, port: thiefPort })
  const thiefOutput = createSocket('udp4')
  const [theirs, ours] = [new Set<string>(), { count: 0 }]
  const taken = { count: 0, at: 0 }
  let latest = 0
  sink.on('message', (packet) => {
    if (!theirs.has(packet.toString('latin1'))) {
      ours.count++
      latest = packet.readUInt16BE(2)
    } else {
      taken.count++
      taken.at = Date.now()
    }
  })
  const changes = () => site.audit('device.changed', DEVICE)
  try {
    makeVideo(join(site.folder, 'camera.ts'), 'testsrc2', 'ultrafast')
    makeVideo(join(site.folder, 'thief.ts'), 'mandelbrot', 'veryfast')
    const transportPort = await freeMediaPort()
    const outputs = [`${DEVICE}=${HOST}:${outputPort}`]
    const transport = await site.startTransport(transportPort, outputs, '--watch', 'h264')
    const agentPort = await freeMediaPort()
    await site.startAgent(DEVICE, agentPort, transportPort)
    await until('a key', () => changes() > 0)
    const camera = startEncoder(join(site.folder, 'camera.ts'), agentPort)
    const begun = Date.now()
    await until('a baseline', () => Date.now() - begun > LEARN_MS + 10_000, LEARNING_MS_MAX)
    // Nothing so far that was not its own.
    assert.equal(changes(), 1, transport.said())

    const thief = new SrtpSender()
    thief.install((await site.show(DEVICE)).epoch ?? 0, site.drawn.at(-1) ?? assert.fail())
    thief.activate((await site.show(DEVICE)).epoch ?? 0)
    let sent = 0
    const stolenAt = Date.now()
    let ahead: number | undefined
    thiefInput.on('message', (packet) => {
      // He goes on a little before where the camera is: his packets are taken, and the camera's come too late.
      const sequence = packet.readUInt16BE(2)
      ahead ??= (latest + AHEAD - sequence) & 0xffff
      packet.writeUInt16BE((sequence + ahead) & 0xffff, 2)
      theirs.add(packet.toString('latin1'))
      const sealed = thief.protect(packet)
      if (typeof sealed === 'string') return
      sent++
      thiefOutput.send(sealed, transportPort, HOST)
    })
    const second = startEncoder(join(site.folder, 'thief.ts'), thiefPort)
    await until('a new key', () => changes() > 1)
    await until('more attempts', () => sent > taken.count + 200)
    const before = ours.count
    await until('the first one', () => ours.count > before + 200)
    const held = taken.count
    await until('the first one, further', () => ours.count > before + 400)
    await second.stop('SIGKILL')
    await camera.stop('SIGKILL')
    assert.equal(taken.count, held)
    const { happened } = await site.show(DEVICE)
    assert.equal(happened.findLast(({ what }) => what === 'changed')?.reason, 'anomaly')
    const why = transport.said().match(/anomalous: .*/)?.[0]
    assert.ok(taken.count > 0)
    console.log(`${why}; ${taken.count} of his packets got through, for ${taken.at - stolenAt} ms`)
  } finally {
    for (const socket of [sink, thiefInput, thiefOutput]) socket.close()
    await site.close()
  }
})
