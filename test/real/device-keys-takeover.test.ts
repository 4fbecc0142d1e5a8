/**
 * Somebody has the key of a camera and sends pictures of his own in its place, from an encoder of his own: the transport sees it, another key
 * is due by that alone, he is locked out and the camera goes on.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { it } from 'node:test'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import { LEARN_MS } from '../../src/behavior/device/stream-watch.ts'
import { freeMediaPort, HOST, startDeviceSite, until } from './device-keys-site.ts'
import { makeVideo, startEncoder, startThief, type Thief } from './second-encoder.ts'

const DEVICE = 'camera-1'
/** A busy machine may take its time. */
const LEARNING_MS_MAX = LEARN_MS + 120_000

it('a second encoder with the key of the first is noticed and locked out, and the first goes on', async () => {
  const site = await startDeviceSite()
  const outputPort = await freeMediaPort()
  const sink = await bindSocket({ host: HOST, port: outputPort })
  let thief: Thief | undefined
  const ours = { count: 0 }
  const taken = { count: 0, at: 0 }
  let latest = 0
  sink.on('message', (packet) => {
    if (thief?.isHis(packet) !== true) {
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

    const file = join(site.folder, 'thief.ts')
    const stolenAt = Date.now()
    const second = await startThief(site, DEVICE, transportPort, file, () => latest)
    thief = second
    await until('a new key', () => changes() > 1)
    await until('more attempts', () => second.sent > taken.count + 200)
    const before = ours.count
    await until('the first one', () => ours.count > before + 200)
    const held = taken.count
    await until('the first one, further', () => ours.count > before + 400)
    await second.close()
    await camera.stop('SIGKILL')
    assert.equal(taken.count, held)
    const { happened } = await site.show(DEVICE)
    assert.equal(happened.findLast(({ what }) => what === 'changed')?.reason, 'anomaly')
    const why = transport.said().match(/anomalous: .*/)?.[0]
    assert.ok(taken.count > 0)
    console.log(`${why}; ${taken.count} of his packets got through, for ${taken.at - stolenAt} ms`)
  } finally {
    sink.close()
    await site.close()
  }
})
