import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SrtHandshake } from '../../wire/srt-handshake.ts'
import type { SrtDataPacket } from '../../wire/srt-packet.ts'
import { SrtOrder, srtDistance } from './srt-order.ts'
import { SrtWatch } from './srt-watch.ts'
import { STREAM_FEATURES } from './stream-report.ts'
import type { StreamVerdict } from './stream-watch.ts'

const HANDSHAKE: SrtHandshake = {
  ...{ version: 5, keyBytes: 16, phase: 'conclusion', sequence: 7, packetBytesMax: 1500 },
  ...{ windowPackets: 8192, socket: 1, cookie: 2, keyMaterial: undefined, extensions: [1, 3] },
  hello: {
    ...{ isRequest: true, version: 0x010501, flags: 0xbf },
    ...{ receiverDelayMs: 120, senderDelayMs: 0 },
  },
}
/** 200 packets a second. */
const GAP_MS = 5
/** Just before both numbers begin anew, to the third. */
const FIRST = 2 ** 31 - 3

function packet(i: number, more: Partial<SrtDataPacket> = {}): SrtDataPacket {
  return {
    ...{ kind: 'data', sequence: (FIRST + i) % 2 ** 31, position: 3, inOrder: true, keyBits: 1 },
    ...{ isRetransmitted: false, message: (200_000 + i) % 2 ** 26, target: 9 },
    // Microseconds begin anew after a second.
    ...{ timestamp: (2 ** 32 - 1e6 + i * GAP_MS * 1000) % 2 ** 32 },
    bytes: i % 10 === 0 ? 188 : 1316,
    ...more,
  }
}

function feed(
  watch: SrtWatch,
  id: number,
  from: number,
  to: number,
  atMsOf = (i: number) => i * GAP_MS,
): StreamVerdict[] {
  const verdicts: StreamVerdict[] = []
  for (let i = from; i < to; i++) {
    const verdict = watch.meet(id, packet(i), atMsOf(i))
    if (verdict !== undefined) verdicts.push(verdict)
  }
  return verdicts
}

function begun(): SrtWatch {
  const watch = new SrtWatch()
  assert.equal(watch.begin(1, 10, HANDSHAKE, 1, 0), undefined)
  return watch
}

/** Ordered evidence of one connection that has sent `to` packets. */
function afterwards(...packets: readonly SrtDataPacket[]): (string | undefined)[] {
  const order = new SrtOrder(1)
  for (let i = 0; i < 400; i++) assert.equal(order.meet(packet(i), i * GAP_MS), undefined)
  return packets.map((one) => order.meet(one, 400 * GAP_MS))
}

describe('SrtOrder', () => {
  it('takes losses, packets in another order, copies, and what is sent again', () => {
    const seen = afterwards(packet(410), packet(405), packet(405), packet(410))
    assert.deepEqual(seen, [undefined, undefined, undefined, undefined])
    const again = packet(100, { isRetransmitted: true })
    const missing = packet(407, { isRetransmitted: true })
    assert.deepEqual(afterwards(again, missing), [undefined, undefined])
  })

  it('knows two packets of one number, also when one says that it is sent again', () => {
    const other = { timestamp: packet(390).timestamp + 1 }
    assert.deepEqual(afterwards(packet(390, other)), ['clash'])
    assert.deepEqual(afterwards(packet(390, { bytes: 500 })), ['clash'])
    assert.deepEqual(afterwards(packet(390, { ...other, isRetransmitted: true })), ['clash'])
  })

  it('knows numbers and times that do not go on', () => {
    const at = (i: number) => ({ timestamp: packet(i).timestamp })
    assert.deepEqual(afterwards(packet(400 + 9000, at(401))), ['sequence'])
    assert.deepEqual(afterwards(packet(-8000, at(401))), ['sequence'])
    assert.deepEqual(afterwards(packet(401, at(1000))), ['time'])
    assert.deepEqual(afterwards(packet(401, at(100))), ['time'])
    assert.deepEqual(afterwards(packet(401, { message: 200_402 })), ['numbers'])
  })

  it('takes an outage for what it is', () => {
    const order = new SrtOrder(1)
    for (let i = 0; i < 10; i++) order.meet(packet(i), i * GAP_MS)
    assert.equal(order.meet(packet(9_100), 9_100 * GAP_MS), undefined)
  })

  it('judges no numbers of messages of several packets, or of packet filters', () => {
    const several = packet(401, { position: 2, message: 7 })
    assert.deepEqual(afterwards(several, packet(402, { message: 0 })), [undefined, undefined])
  })

  it('goes on when message numbers begin anew, with 1', () => {
    const order = new SrtOrder(1)
    for (let i = 0; i < 200_000; i++) {
      const message = 2 ** 26 - 100_000 + i
      const anew = message < 2 ** 26 ? message : message - 2 ** 26 + 1
      assert.equal(order.meet(packet(i, { message: anew }), i * GAP_MS), undefined)
    }
  })

  it('wants keys to be announced', () => {
    const odd = packet(401, { keyBits: 2 })
    assert.deepEqual(afterwards(odd, packet(401, { keyBits: 0 })), ['keyBits', 'keyBits'])
    const order = new SrtOrder(1)
    order.announce(3)
    assert.deepEqual(
      [odd, packet(402)].map((one) => order.meet(one, 0)),
      [undefined, undefined],
    )
  })
})

describe('SrtWatch', () => {
  it('learns for 40 s, then it is normal', () => {
    const states = feed(begun(), 1, 0, 20_000).map(({ state }) => state)
    assert.deepEqual([states[0], states.at(-1)], ['learning', 'normal'])
    assert.equal(states.includes('suspicious'), false)
    assert.equal(states.includes('anomalous'), false)
  })

  it('shows its last window against what it learned, and goes on with that after a restart', () => {
    const watch = begun()
    feed(watch, 1, 0, 1_000)
    assert.deepEqual([watch.figures(), watch.baseline], [[], undefined])
    feed(watch, 1, 1_000, 10_000)
    const figures = watch.figures()
    assert.equal(figures.length, STREAM_FEATURES.srt.length)
    const [size = []] = figures
    // One packet in ten has 188 octets, the others 1316.
    assert.ok(Math.abs((size[0] ?? 0) - Math.log(0.1 * 188 + 0.9 * 1316)) < 0.01, `${size[0]}`)
    assert.ok(Math.abs((size[0] ?? 0) - (size[1] ?? 0)) < 0.01)
    const again = new SrtWatch(watch.baseline ?? assert.fail())
    assert.equal(again.begin(1, 11, HANDSHAKE, 1, 0), undefined)
    const states = feed(again, 1, 0, 1_000).map(({ state }) => state)
    assert.deepEqual([...new Set(states)], ['normal'])
    assert.equal(again.baseline, watch.baseline)
    const short = new SrtWatch(watch.baseline)
    short.begin(1, 11, HANDSHAKE, 1, 0)
    const all = []
    for (let i = 0; i < 1_000; i++) all.push(short.meet(1, packet(i, { bytes: 400 }), i * GAP_MS))
    assert.equal(all.findLast((one) => one !== undefined)?.reasons[0]?.group, 'picture')
  })

  it('is suspicious of a path that is another, and asks for nothing', () => {
    const watch = begun()
    feed(watch, 1, 0, 10_000)
    // Every other packet comes 150 ms late.
    const late = feed(watch, 1, 10_000, 12_000, (i) => i * GAP_MS + (i % 2) * 150)
    assert.equal(late.at(-1)?.state, 'suspicious')
    assert.deepEqual(
      [...new Set(late.flatMap((one) => one.reasons.map(({ group }) => group)))],
      ['path'],
    )
    assert.equal(
      late.some(({ rotate }) => rotate),
      false,
    )
  })

  it('asks for another passphrase once when two connections send under one', () => {
    const watch = begun()
    feed(watch, 1, 0, 100)
    assert.equal(watch.begin(2, 10, HANDSHAKE, 1, 500), undefined)
    feed(watch, 2, 0, 1, () => 505)
    // What was on the way.
    assert.deepEqual(
      feed(watch, 1, 100, 290).filter(({ rotate }) => rotate),
      [],
    )
    const verdicts = feed(watch, 1, 290, 400)
    const [first] = verdicts.filter(({ rotate }) => rotate)
    assert.equal(first?.state, 'anomalous')
    assert.deepEqual(first?.reasons, [{ group: 'evidence', what: 'second', score: 1 }])
    assert.equal(verdicts.filter(({ rotate }) => rotate).length, 1)
  })

  it('lets an encoder begin anew, and two connections under two passphrases', () => {
    const watch = begun()
    feed(watch, 1, 0, 100)
    watch.begin(2, 10, HANDSHAKE, 1, 500)
    const anew = feed(watch, 2, 0, 1000, (i) => 500 + i * GAP_MS)
    watch.begin(3, 11, HANDSHAKE, 1, 5_500)
    const overlap = feed(watch, 3, 0, 1000, (i) => 5_500 + i * GAP_MS)
    const old = feed(watch, 2, 1000, 2000, (i) => 500 + i * GAP_MS)
    assert.equal(
      [...anew, ...overlap, ...old].some(({ state }) => state === 'anomalous'),
      false,
    )
  })

  it('knows other settings, until the device has another passphrase', () => {
    const watch = begun()
    const other = { ...HANDSHAKE, windowPackets: 25_600 }
    assert.deepEqual(watch.begin(2, 10, other, 1, 500)?.reasons[0]?.what, 'settings')
    assert.equal(watch.begin(3, 11, other, 1, 900), undefined)
    assert.equal(watch.begin(4, 11, HANDSHAKE, 1, 950)?.rotate, true)
  })
})

describe('srtDistance()', () => {
  it('is signed, over the end of 31 bits', () => {
    assert.equal(srtDistance(1, 2 ** 31 - 1), 2)
    assert.equal(srtDistance(2 ** 31 - 1, 1), -2)
    assert.equal(srtDistance(5, 3), 2)
  })
})
