import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { it } from 'node:test'
import { bindSockets } from '../../src/apps/media/datagrams.ts'
import { DEVICE, freePair, startMediaWorld } from '../media-world.ts'

const HOST = '127.0.0.1'
const KILLS = 6
/** A busy machine may take its time. */
const WAIT_MS = 60_000
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

it('an agent that is killed again and again, while its encoder sends the same numbers anew, uses no nonce twice', async () => {
  const outputPort = await freePair()
  const [sink, relay, encoder] = await bindSockets([
    { host: HOST, port: outputPort },
    { host: HOST, port: 0 },
    { host: HOST, port: 0 },
  ])
  const world = await startMediaWorld({
    ...{ output: { host: HOST, port: outputPort }, rotateEveryMs: 100 },
  })
  await world.agent.close()
  const end = world.deviceEnd()
  let child: ChildProcess | undefined
  end.listen((message) => {
    if (child?.connected) child.send(Buffer.from(message).toString('hex'))
  })
  /** What was sent, by epoch, SSRC and sequence number. */
  const seen = new Map<string, string>()
  const twice: string[] = []
  let came = 0
  sink.on('message', () => came++)
  relay.on('message', (packet) => {
    const name = `${packet.readUInt32BE(packet.length - 4)} ${packet.toString('hex', 2, 4)}`
    if (seen.has(name)) twice.push(name)
    seen.set(name, packet.toString('hex'))
    relay.send(packet, world.transport.port, HOST)
  })
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const port = await freePair()
      const { seed, identity } = world.agentKeys
      const state = join(world.folder, 'agent.json')
      const args = [`${port}`, `${relay.address().port}`, state, seed, identity]
      const started = fork(join(import.meta.dirname, 'agent-process.ts'), args)
      child = started
      started.on('message', (answer) => end.send(Buffer.from(`${answer}`, 'hex')))
      const [before, begun] = [came, Date.now()]
      // Until some came through, and then a little longer each time: rotations are at another step.
      for (let sequence = 0, after = 0; after < 30 + 25 * kill; sequence++) {
        assert.ok(Date.now() - begun < WAIT_MS, `start ${kill}: ${came - before} packets came`)
        const packet = Buffer.alloc(200, kill)
        packet[0] = 0x80
        packet[1] = 96
        packet.writeUInt16BE(sequence, 2)
        encoder.send(packet, port, HOST)
        await pause(5)
        if (came - before > 20) after++
      }
      const gone = once(started, 'exit')
      started.kill('SIGKILL')
      await gone
    }
    const epochs = new Set([...seen.keys()].map((name) => name.split(' ')[0]))
    console.log(`${seen.size} packets under ${epochs.size} epochs, ${KILLS} kills`)
    assert.deepEqual(twice, [])
    assert.ok(epochs.size >= KILLS && seen.size > KILLS * 20)
    assert.equal(world.transport.figures(DEVICE)?.dropped.auth, 0)
    assert.equal(world.transport.figures(DEVICE)?.dropped.replay, 0)
  } finally {
    child?.kill('SIGKILL')
    for (const socket of [sink, relay, encoder]) socket.close()
    await world.close()
  }
})
