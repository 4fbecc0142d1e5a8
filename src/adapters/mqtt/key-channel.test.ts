import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Aedes } from 'aedes'
import { type StreamReport, writeStreamReport } from '../../behavior/device/stream-report.ts'
import { writeMediaKeyAnswer } from '../../wire/media-key-answer.ts'
import {
  type LinkedKeyChannel,
  type LinkedPartyChannel,
  partyKeyChannel,
  serviceKeyChannel,
} from './key-channel.ts'

const HOST = '127.0.0.1'
const DEVICE = 'camera-1'
const TRANSPORT = 'transport-1'
/** A busy machine may take its time. */
const WAIT_MS = 20_000
const HELLO = writeMediaKeyAnswer({ kind: 'hello', boot: 'A'.repeat(22) })
const NACK = writeMediaKeyAnswer({ kind: 'nack', sequence: 1n, code: 'replay' })

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + WAIT_MS; !holds(); ) {
    if (Date.now() > end) assert.fail(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const textOf = (octets: Uint8Array) => Buffer.from(octets).toString()

/** MQTT 3.1.1, which is all that this broker speaks; MQTT 5 is tested with Mosquitto. */
describe('the key channel over MQTT 3.1.1', () => {
  let broker: Aedes
  let server: Server
  let port = 0
  let sockets: Set<Socket>
  let service: LinkedKeyChannel
  let device: LinkedPartyChannel
  let transport: LinkedPartyChannel
  let present: string[]
  let lost: string[]
  let answers: string[]
  let labels: string[]
  const links = { service: false, device: false, transport: false }

  const startBroker = async () => {
    broker = await Aedes.createBroker()
    server = createServer((socket) => {
      sockets.add(socket)
      broker.handle(socket)
    })
    server.listen(port, HOST)
    await once(server, 'listening')
    ;({ port } = server.address() as AddressInfo)
  }
  const stopBroker = async () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    await new Promise<void>((resolve) => broker.close(() => resolve()))
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  const publish = (topic: string, payload: Uint8Array, retain = false) =>
    new Promise<void>((resolve, reject) =>
      broker.publish(
        {
          ...{ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1 },
          ...{ retain, dup: false },
        },
        (error) => (error ? reject(error) : resolve()),
      ),
    )
  const partyOf = (kind: 'device' | 'transport', party: string) =>
    partyKeyChannel({
      ...{ url: `mqtt://${HOST}:${port}`, clientId: party, version: 4, kind, party },
      labelled: (message) => void labels.push(`${party} ${textOf(message)}`),
      changed: (isThere) => {
        links[kind] = isThere
      },
    })

  beforeEach(async () => {
    sockets = new Set()
    ;[present, lost, answers, labels] = [[], [], [], []]
    port = 0
    await startBroker()
    service = serviceKeyChannel({
      ...{ url: `mqtt://${HOST}:${port}`, clientId: 'service', version: 4 },
      kindOf: (party) =>
        party === DEVICE ? 'device' : party === TRANSPORT ? 'transport' : undefined,
      lost: (one) => void lost.push(one),
      anomalous: (one) => void lost.push(`${one} anomalous`),
      reported: ({ device: of, state }) => void lost.push(`${of} ${state}`),
      present: (party, isPresent) => void present.push(`${party} ${isPresent}`),
      changed: (isThere) => {
        links.service = isThere
      },
    })
    service.listen((from, answer) => void answers.push(`${from} ${textOf(answer)}`))
    device = partyOf('device', DEVICE)
    transport = partyOf('transport', TRANSPORT)
    await until('links', () => links.service && links.device && links.transport)
  })
  afterEach(async () => {
    await Promise.all([service.close(), device.close(), transport.close()])
    await stopBroker()
  })

  it('brings each party what is for it, and answers under the name of who gave them', async () => {
    const heard: string[] = []
    device.listen((message) => void heard.push(`device ${textOf(message)}`))
    transport.listen((message) => void heard.push(`transport ${textOf(message)}`))
    service.send(DEVICE, Buffer.from('one'))
    service.send(TRANSPORT, Buffer.from('two'))
    service.send('nobody', Buffer.from('three'))
    await until('messages', () => heard.length === 2)
    assert.deepEqual(heard.sort(), ['device one', 'transport two'])
    device.send(HELLO)
    transport.send(NACK)
    await until('answers', () => answers.length === 2)
    const wanted = [`${DEVICE} ${textOf(HELLO)}`, `${TRANSPORT} ${textOf(NACK)}`]
    assert.deepEqual(answers.sort(), wanted)
  })

  it('brings reports of streams to the service, and what is said of them to transports', async () => {
    const report: StreamReport = {
      ...{ device: DEVICE, protocol: 'rtp', at: 1, state: 'normal', rotate: false },
      ...{ reasons: [], limit: 1, scores: { identity: 0, picture: 0, path: 0 }, features: [] },
    }
    transport.report(report)
    await until('a report', () => lost.length === 1)
    // Devices do not report; and nobody what is none.
    await publish(`limen/v1/d/${DEVICE}/watch`, Buffer.from(writeStreamReport(report)))
    await publish(`limen/v1/t/${TRANSPORT}/watch`, Buffer.from('{}'))
    service.label(TRANSPORT, Buffer.from('a label'))
    service.label(DEVICE, Buffer.from('another'))
    await until('a label', () => labels.length === 1)
    assert.deepEqual([lost, labels], [[`${DEVICE} normal`], [`${TRANSPORT} a label`]])
  })

  it('takes nothing that was kept at the broker, is too long, or is of somebody else', async () => {
    await device.close()
    await publish(`limen/v1/d/${DEVICE}/key`, Buffer.from('old'), true)
    const heard: string[] = []
    device = partyOf('device', DEVICE)
    device.listen((message) => void heard.push(textOf(message)))
    await until('a link', () => links.device)
    await publish(`limen/v1/d/${DEVICE}/key`, Buffer.alloc(513))
    await publish(`limen/v1/d/${DEVICE}/key`, Buffer.from('new'))
    await until('a message', () => heard.length > 0)
    assert.deepEqual(heard, ['new'])
    // A transport's name among the devices, a device's `lost`, a stranger, no name.
    await publish(`limen/v1/d/${TRANSPORT}/ack`, NACK)
    await publish(`limen/v1/d/${DEVICE}/lost`, Buffer.from(DEVICE))
    await publish('limen/v1/d/stranger/ack', NACK)
    await publish('limen/v1/d/a b/ack', NACK)
    transport.lost(DEVICE)
    transport.anomalous(DEVICE)
    await until('words', () => lost.length > 1)
    assert.deepEqual([lost, answers], [[DEVICE, `${DEVICE} anomalous`], []])
  })

  it('says who is there, and by the last will who is gone', async () => {
    await until('both', () => present.includes(`${DEVICE} true`))
    for (const socket of sockets) socket.destroy()
    await until('gone', () => present.includes(`${DEVICE} false`) || !links.service)
    await until('back', () => present.filter((one) => one === `${DEVICE} true`).length >= 2)
  })

  it('loses what is said while the broker is away, and works again when it is back', async () => {
    const heard: string[] = []
    device.listen((message) => void heard.push(textOf(message)))
    await stopBroker()
    await until('away', () => !links.service && !links.device && !links.transport)
    assert.equal(service.isThere, false)
    service.send(DEVICE, Buffer.from('lost'))
    device.send(HELLO)
    await startBroker()
    await until('back', () => links.service && links.device && links.transport)
    service.send(DEVICE, Buffer.from('heard'))
    device.send(NACK)
    await until('a message', () => heard.length > 0 && answers.length > 0)
    assert.deepEqual(heard, ['heard'])
    assert.deepEqual(answers, [`${DEVICE} ${textOf(NACK)}`])
  })
})
