import assert from 'node:assert/strict'
import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto'
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { srtPassphrase } from '../../adapters/media/srt-passphrase.ts'
import {
  readSrtBaseline,
  type SrtBaseline,
  writeSrtBaseline,
} from '../../behavior/device/srt-baseline.ts'
import type { StreamReport } from '../../behavior/device/stream-report.ts'
import { bindSocket } from './datagrams.ts'
import type { InstallOrder } from './key-inbox.ts'
import { SrtRelay } from './srt-relay.ts'

const HOST = '127.0.0.1'
const DEVICE = 'camera-1'
/** A busy machine may take its time. */
const WAIT_MS = 20_000
const SHUTDOWN = '80050000'

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + WAIT_MS; !holds(); ) {
    if (Date.now() > end) assert.fail(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function orderOf(epoch: number): InstallOrder {
  const key = Buffer.alloc(16, epoch)
  return { kind: 'install', epoch, key, salt: Buffer.alloc(12), notAfter: 9e15, device: DEVICE }
}

/** KMREQ as libsrt writes it: AES-128-CTR, one key. */
function keyMaterial(passphrase: Buffer): Buffer {
  const salt = randomBytes(16)
  const key = pbkdf2Sync(passphrase, salt.subarray(8), 2048, 16, 'sha1')
  const wrap = createCipheriv('id-aes128-wrap', key, Buffer.alloc(8, 0xa6))
  const head = Buffer.from('12202901000000000200020000000404', 'hex')
  return Buffer.concat([head, salt, wrap.update(randomBytes(16)), wrap.final()])
}

interface HandshakeFields {
  readonly target: number
  readonly socket: number
  readonly phase: number
  readonly windowPackets?: number
  readonly material?: Buffer
}

function handshake(fields: HandshakeFields): Buffer {
  const { target, socket, phase, windowPackets = 8192, material } = fields
  const fixed = Buffer.alloc(64)
  fixed.writeUInt16BE(0x8000, 0)
  fixed.writeUInt32BE(target, 12)
  fixed.writeUInt32BE(5, 16)
  fixed.writeUInt32BE(1500, 28)
  fixed.writeUInt32BE(windowPackets, 32)
  fixed.writeUInt32BE(phase, 36)
  fixed.writeUInt32BE(socket, 40)
  if (material === undefined) return fixed
  return Buffer.concat([fixed, Buffer.of(0, 3, 0, material.length / 4), material])
}

function data(target: number, i: number, first = 1000): Buffer {
  const packet = Buffer.alloc(16 + 188, i)
  packet.writeUInt32BE(first + i, 0)
  packet.writeUInt32BE(0xc800_0000 + 100_000 + first + i, 4)
  packet.writeUInt32BE(i * 10_000, 8)
  packet.writeUInt32BE(target, 12)
  return packet
}

const [INDUCTION, CONCLUSION] = [1, 0xffff_ffff]

describe('SrtRelay', () => {
  let relay: SrtRelay
  let receivers: Socket[]
  let callers: Socket[]
  /** Socket ids of receivers. */
  let ids: number
  let nowMs: number
  let told: string[]
  let seen: number[]
  let ended: number[]
  let reports: StreamReport[]
  let baseline: SrtBaseline | undefined
  let kept: SrtBaseline[]
  /** Octets after each answer: a receiver that says more than it was asked. */
  let more: number
  const atReceiver: { packet: Buffer; from: RemoteInfo; slot: number }[] = []

  const passphrase = (epoch: number) => srtPassphrase(orderOf(epoch), DEVICE)
  const answer = (receiver: Socket, packet: Buffer, { port, address }: RemoteInfo) => {
    if (packet.readUInt32BE(12) !== 0) return
    const reply = Buffer.from(packet)
    reply.writeUInt32BE(packet.readUInt32BE(40), 12)
    if (packet.readUInt32BE(36) === CONCLUSION) reply.writeUInt32BE(++ids, 40)
    receiver.send(Buffer.concat([reply, Buffer.alloc(more)]), port, address)
  }

  const caller = async (socket: number) => {
    const udp = createSocket('udp4')
    const got: Buffer[] = []
    udp.on('message', (packet) => got.push(packet))
    await new Promise<void>((resolve) => udp.bind(0, HOST, resolve))
    callers.push(udp)
    const say = (packet: Buffer) => udp.send(packet, relay.port, HOST)
    const calls = async (material?: Buffer, windowPackets = 8192) => {
      say(handshake({ target: 0, socket, phase: INDUCTION }))
      await until('an answer', () => got.length > 0)
      const fields = { target: 0, socket, phase: CONCLUSION, windowPackets }
      say(handshake(material === undefined ? fields : { ...fields, material }))
    }
    /** Resolves with the receiver's socket id. */
    const connects = async (epoch: number, windowPackets?: number) => {
      const before = relay.figures().connections
      await calls(keyMaterial(passphrase(epoch)), windowPackets)
      await until('a connection', () => relay.figures().connections > before && got.length > 1)
      return got[1]?.readUInt32BE(40) ?? 0
    }
    const wasCut = () => got.some((packet) => packet.toString('hex').startsWith(SHUTDOWN))
    return { udp, got, say, calls, connects, wasCut }
  }

  beforeEach(async () => {
    ;[ids, nowMs, more] = [500, 1000, 0]
    ;[told, seen, ended, reports, callers, kept] = [[], [], [], [], [], []]
    atReceiver.length = 0
    receivers = [
      await bindSocket({ host: HOST, port: 0 }),
      await bindSocket({ host: HOST, port: 0 }),
    ]
    for (const [slot, receiver] of receivers.entries()) {
      receiver.on('message', (packet, from) => {
        atReceiver.push({ packet, from, slot })
        answer(receiver, packet, from)
      })
    }
    baseline = undefined
    await begin()
  })
  const begin = async () => {
    relay = await SrtRelay.start({
      ...{ device: DEVICE, listen: { host: HOST, port: 0 }, clockMs: () => nowMs },
      receivers: receivers.map((one) => ({ host: HOST, port: one.address().port })),
      begin: () => true,
      end: (epoch) => void ended.push(epoch),
      seen: (epoch) => void seen.push(epoch),
      anomalous: (why) => void told.push(why),
      report: (report) => void reports.push(report),
      baseline,
      learned: (learned) => void kept.push(learned),
    })
    assert.equal(relay.install(orderOf(7)), true)
  }
  afterEach(() => {
    relay.close()
    for (const socket of [...receivers, ...callers]) socket.close()
  })

  it('passes on what has the passphrase, octet by octet, both ways', async () => {
    const one = await caller(11)
    const target = await one.connects(7)
    const sent = [data(target, 0), data(target, 1)]
    for (const packet of sent) one.say(packet)
    await until('data', () => atReceiver.length === 4)
    assert.deepEqual(
      atReceiver.slice(2).map(({ packet }) => packet),
      sent,
    )
    assert.deepEqual(seen, [7])
    const ack = Buffer.from('800200000000000100000000000000000000000b', 'hex')
    ack.writeUInt32BE(11, 12)
    const [first] = atReceiver
    receivers[0]?.send(ack, first?.from.port ?? 0, HOST)
    await until('an ACK', () => one.got.length === 3)
    assert.deepEqual(one.got[2], ack)
    assert.deepEqual(told, [])
  })

  it('lets nobody through without the passphrase of the newest epoch', async () => {
    for (const material of [undefined, keyMaterial(passphrase(6))]) {
      const before = relay.figures().dropped.passphrase
      const one = await caller(20 + before)
      await one.calls(material)
      await until('a refusal', () => relay.figures().dropped.passphrase > before)
    }
    relay.install(orderOf(8))
    const late = await caller(31)
    await late.calls(keyMaterial(passphrase(7)))
    await until('a refusal', () => relay.figures().dropped.passphrase === 3)
    const conclusions = atReceiver.filter(({ packet }) => packet.readUInt32BE(36) === CONCLUSION)
    assert.equal(conclusions.length, 0)
    assert.equal(relay.figures().connections, 0)
    const current = await caller(32)
    await current.connects(8)
    assert.equal(atReceiver.at(-1)?.slot, 1)
  })

  it('answers with no more octets than were asked with, before a connection is there', async () => {
    more = 4
    const one = await caller(11)
    one.say(handshake({ target: 0, socket: 11, phase: INDUCTION }))
    await until('a larger answer', () => relay.figures().dropped.larger === 1)
    assert.equal(one.got.length, 0)
  })

  it('takes no data from another address, to another socket, or without a handshake', async () => {
    const one = await caller(11)
    const target = await one.connects(7)
    const other = await caller(12)
    other.say(data(target, 0))
    one.say(data(target + 1, 0))
    one.say(Buffer.concat([handshake({ target: 0, socket: 13, phase: CONCLUSION })]))
    await until('drops', () => relay.figures().dropped.unknown === 2)
    await until('a drop', () => relay.figures().dropped.handshake === 1)
    assert.equal(relay.figures().data, 0)
  })

  it('bounds handshakes of strangers, not those of who was there', async () => {
    const one = await caller(11)
    for (let i = 0; i < 100; i++)
      one.say(handshake({ target: 0, socket: 100 + i, phase: INDUCTION }))
    await until('drops', () => relay.figures().dropped.rate === 84)
    assert.equal(atReceiver.length, 16)
    nowMs += 1000
    await (await caller(12)).connects(7)
  })

  it('ends both of two that send under one passphrase, and waits for another one', async () => {
    const [first, second] = [await caller(11), await caller(12)]
    const [a, b] = [await first.connects(7), await second.connects(7)]
    first.say(data(a, 0))
    second.say(data(b, 0, 5000))
    await until('data', () => relay.figures().data === 2)
    nowMs += 1001
    first.say(data(a, 1))
    await until('the end of both', () => first.wasCut() && second.wasCut())
    assert.deepEqual(told, ['second'])
    assert.equal(reports.at(-1)?.state, 'anomalous')
    assert.deepEqual([relay.figures().cut, relay.figures().connections], [2, 0])
    const again = await caller(13)
    again.say(handshake({ target: 0, socket: 13, phase: INDUCTION }))
    await until('a refusal', () => relay.figures().dropped.locked === 1)
    // It does not stop saying so.
    nowMs += 10_000
    await until('the same again', () => told.length === 2)
    relay.install(orderOf(8))
    const device = await caller(14)
    device.say(data(await device.connects(8), 0))
    await until('its data', () => seen.includes(8))
    assert.equal(told.length, 2)
  })

  it('ends an encoder with other settings', async () => {
    await (await caller(11)).connects(7)
    const other = await caller(12)
    await other.calls(keyMaterial(passphrase(7)), 25_600)
    await until('its end', () => other.wasCut())
    assert.deepEqual(told, ['settings'])
  })

  it('tells what an encoder was like, once; begun anew with that it learns nothing, and knows other settings', async () => {
    const one = await caller(11)
    const target = await one.connects(7)
    const send = async (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        nowMs += 10
        one.say(data(target, i))
        if (i % 50 === 0) await until('data', () => relay.figures().data === i + 1)
      }
    }
    await send(0, 4_102)
    await until('a baseline', () => kept.length === 1)
    assert.equal(reports.find(({ features }) => features.length > 0)?.features.length, 7)
    assert.equal(reports[0]?.state, 'learning')
    assert.deepEqual([reports.at(-1)?.state, reports.at(-1)?.protocol], ['normal', 'srt'])
    baseline = readSrtBaseline(writeSrtBaseline(kept[0] ?? assert.fail()))
    relay.close()
    reports = []
    await begin()
    const again = await caller(12)
    again.say(data(await again.connects(7), 0))
    await until('a report', () => reports.length === 1)
    assert.equal(reports[0]?.state, 'normal')
    assert.equal(kept.length, 1)
    const other = await caller(13)
    await other.calls(keyMaterial(passphrase(7)), 25_600)
    await until('its end', () => other.wasCut())
    relay.install(orderOf(8))
    const device = await caller(14)
    nowMs += 1000
    device.say(data(await device.connects(8, 25_600), 0))
    await until('what it is like now', () => kept.length === 2)
    assert.notEqual(kept[1]?.settings, kept[0]?.settings)
    assert.deepEqual(kept[1]?.laws, kept[0]?.laws)
  })

  it('ends connections of an epoch that is retired, and those where nothing comes any more', async () => {
    const old = await caller(11)
    await old.connects(7)
    relay.install(orderOf(8))
    const device = await caller(12)
    await device.connects(8)
    relay.retire(7)
    await until('its end', () => old.wasCut())
    assert.deepEqual([ended, relay.figures().connections], [[7], 1])
    nowMs += 10_001
    await until('the other end', () => relay.figures().connections === 0)
    assert.deepEqual(told, [])
  })
})
