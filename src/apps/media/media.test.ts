import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DEVICE, freePair, type MediaWorld, startMediaWorld } from '../../../test/media-world.ts'
import { SrtpSender } from '../../adapters/media/srtp-sender.ts'
import { bindSocket } from './datagrams.ts'
import { readMediaState } from './media-state.ts'

const HOST = '127.0.0.1'
/** A busy machine may take its time. */
const WAIT_MS = 20_000

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + WAIT_MS; !holds(); ) {
    if (Date.now() > end) assert.fail(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function rtp(sequence: number, ssrc = 7): Buffer {
  const packet = Buffer.alloc(200, sequence & 255)
  packet[0] = 0x80
  packet[1] = 0xe0
  packet.writeUInt16BE(sequence % 65_536, 2)
  packet.writeUInt32BE(ssrc, 8)
  return packet
}

describe('agent, transport and key service', () => {
  let world: MediaWorld
  let sink: Socket
  let control: Socket
  let encoder: Socket
  let came: string[]
  let reports: string[]

  const feed = (...packets: readonly Buffer[]) => {
    for (const packet of packets) encoder.send(packet, world.agent.port, HOST)
  }
  const figures = () => world.transport.figures(DEVICE) ?? assert.fail()
  const hasKey = () => until('a key', () => world.agent.epoch !== undefined)
  /** Sends it until it is there; only the first is not a copy. */
  const passes = async (packet: Buffer) => {
    feed(packet)
    await until('a packet', () => came.includes(packet.toString('hex')))
  }
  const changes = () => world.news.filter(({ kind }) => kind === 'changed').length

  beforeEach(async () => {
    came = []
    reports = []
    const port = await freePair()
    sink = await bindSocket({ host: HOST, port })
    control = await bindSocket({ host: HOST, port: port + 1 })
    sink.on('message', (packet) => came.push(packet.toString('hex')))
    control.on('message', (packet) => reports.push(packet.toString('hex')))
    encoder = createSocket('udp4')
    world = await startMediaWorld({ output: { host: HOST, port: sink.address().port } })
  })
  afterEach(async () => {
    for (const socket of [sink, control, encoder]) socket.close()
    await world.close()
  })

  it('hand on what an encoder sends, octet by octet, RTCP beside it, while keys change', async () => {
    await hasKey()
    for (let i = 0; i < 5; i++) {
      await passes(rtp(100 + i))
      const before = changes()
      const { epoch } = world.agent
      world.service.rotate(DEVICE, 'hand')
      await until('activation', () => world.agent.epoch !== epoch)
      await passes(rtp(200 + i))
      await until('a change', () => changes() > before)
      assert.equal(figures().epoch, world.agent.epoch)
    }
    const report = Buffer.from('80c8000600000007010203040506070800000bb80000002a0000e930', 'hex')
    encoder.send(report, world.agent.port + 1, HOST)
    await until('a report', () => reports.includes(report.toString('hex')))
    const [stream] = figures().streams
    assert.equal(stream?.packets, 10)
    assert.equal(stream?.octets, 2000)
    assert.equal(stream?.marked, 10)
    assert.equal(stream?.lost, 95)
    assert.equal(stream?.reportedPackets, 42)
    assert.equal(came.length, 10)
  })

  it('say again what got lost on the way to a party', async () => {
    await hasKey()
    await passes(rtp(1))
    const before = changes()
    const { epoch } = world.agent
    const heard: string[] = []
    const said = new Set<string>()
    world.passes = (to, message) => {
      const type = message[4]
      heard.push(Buffer.from(message).toString('hex'))
      if (said.has(`${to} ${type}`)) return true
      said.add(`${to} ${type}`)
      return false
    }
    world.service.rotate(DEVICE, 'hand')
    await until('activation', () => world.agent.epoch !== epoch)
    await passes(rtp(2))
    await until('a change', () => changes() > before)
    assert.equal(new Set(heard).size, heard.length)
  })

  it('never send under an epoch again after a restart, whatever is said to the agent', async () => {
    const said: Uint8Array[] = []
    world.passes = (to, message) => {
      if (to === DEVICE) said.push(Uint8Array.from(message))
      return true
    }
    world.service.rotate(DEVICE, 'hand')
    await until('orders', () => said.length >= 2 && world.agent.epoch !== undefined)
    await passes(rtp(65_000))
    const { epoch = 0 } = world.agent
    const kept = readMediaState(readFileSync(join(world.folder, 'agent.json'), 'utf8'), '')
    assert.equal(kept.epoch, epoch)

    world.passes = () => false
    await world.agent.close()
    world.agent = await world.startAgent()
    for (const message of said) world.deliver(DEVICE, message)
    const refusals = () =>
      world.news.filter((one) => one.kind === 'refused' && one.code === 'replay')
    await until('refusals', () => refusals().length === said.length)
    feed(rtp(65_001))
    await until('a drop', () => world.agent.counts().refused.inactive > 0)
    assert.equal(world.agent.epoch, undefined)

    world.passes = () => true
    await until('another key', () => world.agent.epoch !== undefined)
    assert.ok((world.agent.epoch ?? 0) > epoch)
    // Over a turn of the sequence number: the rollover counter goes on.
    await passes(rtp(65_600))
    await passes(rtp(65_700))
    assert.equal(figures().dropped.auth, 0)
  })

  it('go on after a restart of the transport, with the rollover counter of before', async () => {
    await hasKey()
    for (const sequence of [65_000, 65_600]) await passes(rtp(sequence))
    const { port } = world.transport
    await world.transport.close()
    world.transport = await world.startTransport(port)
    const { epoch = 0 } = world.agent
    await until('another key', () => (world.agent.epoch ?? 0) > epoch)
    await passes(rtp(65_700))
    assert.equal(figures().dropped.auth, 0)
  })

  it('ask for another key when an encoder begins anew at a lower number', async () => {
    await hasKey()
    await passes(rtp(20_000))
    const { epoch = 0 } = world.agent
    feed(...Array.from({ length: 30 }, (_, i) => rtp(5000 + i)))
    await until('another key', () => (world.agent.epoch ?? 0) > epoch)
    assert.ok(world.agent.counts().refused.used >= 20)
    await passes(rtp(5100))
    await passes(rtp(5101))
  })

  it('count what is not authentic, and say when a device has lost its way', async () => {
    await hasKey()
    await passes(rtp(1))
    const stranger = new SrtpSender()
    const key = { key: new Uint8Array(16), salt: new Uint8Array(12) }
    stranger.install(world.agent.epoch ?? 0, key)
    stranger.activate(world.agent.epoch ?? 0)
    const forged = stranger.protect(rtp(2))
    const { port } = world.transport
    encoder.send(forged, port, HOST)
    encoder.send('not RTP at all', port, HOST)
    stranger.install(0xffff_ffff, key)
    stranger.activate(0xffff_ffff)
    encoder.send(stranger.protect(rtp(3)), port, HOST)
    await until('drops', () => world.transport.dropped().unknown === 1)
    await until('a drop', () => figures().dropped.auth === 1)
    assert.deepEqual(world.transport.dropped().malformed, 1)
    assert.equal(came.length, 1)
    assert.deepEqual(world.lost, [])

    // The transport loses the epochs, and nobody says so to the device.
    const { epoch = 0 } = world.agent
    world.passes = (to) => to !== DEVICE
    world.service.panic(DEVICE)
    for (let i = 10; i < 200 && world.lost.length === 0; i++) {
      feed(rtp(i))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.deepEqual(world.lost, [DEVICE])
    assert.ok(figures().dropped.unknown >= 20)
    assert.equal(world.agent.epoch, epoch)
  })

  it('stop a device at once', async () => {
    await hasKey()
    await passes(rtp(1))
    world.service.panic(DEVICE)
    await until('silence', () => world.agent.epoch === undefined)
    feed(rtp(2))
    await until('a drop', () => world.agent.counts().refused.inactive > 0)
    // Neither the schedule nor an anomaly lifts it.
    for (const reason of ['time', 'anomaly'] as const) world.service.rotate(DEVICE, reason)
    assert.equal(world.service.step(DEVICE), 'idle')
    world.service.add(DEVICE)
    world.service.rotate(DEVICE, 'hand')
    await hasKey()
    await passes(rtp(3))
  })

  it('do not hold up a device that has no output at this transport', async () => {
    await hasKey()
    world.service.add('camera-2')
    world.service.rotate('camera-2', 'hand')
    await until('its transports', () => world.service.step('camera-2') === 'device')
    await passes(rtp(1))
  })

  it('take nothing in a pause, and go on after it', async () => {
    await hasKey()
    await passes(rtp(1))
    world.transport.pause(true)
    for (let i = 2; world.transport.paused < 3; i++) {
      feed(rtp(i))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.equal(came.length, 1)
    world.transport.pause(false)
    await passes(rtp(300))
  })

  it('take no key that cannot be kept', async () => {
    await hasKey()
    const { epoch } = world.agent
    rmSync(world.folder, { recursive: true })
    writeFileSync(world.folder, 'in the way')
    world.service.rotate(DEVICE, 'hand')
    await until('a refusal', () =>
      world.news.some((one) => one.kind === 'refused' && one.code === 'store'),
    )
    assert.equal(world.agent.epoch, epoch)
  })

  it('do not start from a state that cannot be read', async () => {
    await world.agent.close()
    for (const text of [
      '',
      '{}',
      '{"last":"x","epoch":0,"streams":{}}',
      '{"last":"1","epoch":0,"streams":{"a":[[1]]}}',
    ]) {
      writeFileSync(join(world.folder, 'agent.json'), text)
      await assert.rejects(world.startAgent(), { code: 'media.state' }, text)
    }
    rmSync(join(world.folder, 'agent.json'))
    world.agent = await world.startAgent()
  })
})

describe('bindSocket()', () => {
  it("takes IP addresses that are this machine's, and nothing else", async () => {
    await assert.rejects(bindSocket({ host: 'localhost', port: 0 }), {
      code: 'media.listen',
    })
    await assert.rejects(bindSocket({ host: '192.0.2.1', port: 0 }), { code: 'media.listen' })
  })
})
