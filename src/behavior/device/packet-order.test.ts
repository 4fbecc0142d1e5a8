import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { madeStream } from './made-stream.ts'
import { PacketOrder } from './packet-order.ts'
import type { StreamPacket } from './stream-packet.ts'

const PACKETS = madeStream({ seconds: 8, seed: 1 })
const at = (i: number): StreamPacket => {
  const packet = PACKETS[i]
  if (packet === undefined) assert.fail()
  return packet
}

function passed(packets: readonly StreamPacket[]) {
  const order = new PacketOrder()
  const arrivals = packets.map((packet) => order.meet(packet))
  const out = [...order.ready(packets.at(-1)?.atMs ?? 0)]
  return { order, arrivals, out }
}

describe('PacketOrder', () => {
  it('puts packets in order, over the wrap of sequence numbers and RTP time', () => {
    const mixed = PACKETS.slice(0, 1200)
    const far = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1200, maxLength: 1200 })
    fc.assert(
      fc.property(far, (delays) => {
        const moved = mixed
          // The first says where it begins.
          .map((packet, i) => ({ packet, key: i === 0 ? -1 : i + (delays[i] ?? 0) }))
          .sort((a, b) => a.key - b.key)
          .map(({ packet }) => packet)
        const order = new PacketOrder()
        const out = moved.flatMap((packet) => {
          order.meet(packet)
          return [...order.ready(0)]
        })
        assert.deepEqual(
          out.map(({ packet }) => packet),
          mixed,
        )
        assert.ok(out.every(({ lostBefore }) => lostBefore === 0))
        const times = out.map(({ timestamp }) => timestamp)
        assert.ok(times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0)))
      }),
      { seed: 25, numRuns: 50 },
    )
  })

  it('waits for a packet, and then counts it as lost', () => {
    const order = new PacketOrder()
    for (const i of [0, 1, 3, 4]) order.meet(at(i))
    assert.equal([...order.ready(at(3).atMs + 149)].length, 2)
    const later = [...order.ready(at(3).atMs + 151)]
    assert.deepEqual(
      later.map(({ lostBefore }) => lostBefore),
      [1, 0],
    )
    assert.equal(order.meet(at(2)), 'late')
  })

  it('tells copies from other packets of the same number', () => {
    const { order, arrivals } = passed([at(0), at(1), at(2), at(1)])
    assert.deepEqual(arrivals, ['fresh', 'fresh', 'fresh', 'copy'])
    assert.equal(order.meet({ ...at(1), bytes: 77 }), 'clash')
    assert.equal(order.isClash(at(2)), false)
    assert.equal(order.isClash({ ...at(2), timestamp: 5 }), true)
    // What is ahead is none's.
    assert.equal(order.isClash(at(3)), false)
  })

  it('goes on elsewhere with two packets in a row, and says whether time went by as well', () => {
    const away = (i: number, wentByMs: number): StreamPacket => ({
      ...at(i),
      sequence: (at(i).sequence + 20_000) & 0xffff,
      timestamp: (at(i).timestamp + 60 * 90_000) >>> 0,
      atMs: at(i).atMs + wentByMs,
    })
    const begin = [at(0), at(1)]
    assert.deepEqual(passed([...begin, away(2, 0), away(3, 0)]).arrivals.slice(2), [
      'stray',
      'jump',
    ])
    const minute = [away(2, 60_000), away(3, 60_000)]
    assert.deepEqual(passed([...begin, ...minute]).arrivals.slice(2), ['stray', 'outage'])
    const one = passed([...begin, away(2, 0), at(2)])
    assert.deepEqual(one.arrivals.slice(2), ['stray', 'fresh'])
    assert.equal(one.out.length, 3)
  })
})
