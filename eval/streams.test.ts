import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../src/math/seeded-chance.ts'
import { beside, injection, morph, replay, takeover } from './video-attacks.ts'
import { carryVideo, paceVideo } from './video-network.ts'

/** Two packets a frame, 30 frames a second. */
function madeClip(frames: number, sequence: number, timestamp: number): Buffer[] {
  return Array.from({ length: 2 * frames }, (_, i) => {
    const packet = Buffer.alloc(500, i % 251)
    packet[0] = 0x80
    packet[1] = 96 + (i % 2 === 1 ? 128 : 0)
    packet.writeUInt16BE((sequence + i) & 0xffff, 2)
    packet.writeUInt32BE((timestamp + Math.floor(i / 2) * 3000) >>> 0, 4)
    return packet
  })
}

const sent = paceVideo(madeClip(300, 65_500, 4_294_000_000), 0, seededFraction(1))
const clip = madeClip(60, 7, 1234)

describe('carryVideo()', () => {
  it('keeps the order, delays, and loses nothing on a good path', () => {
    const arrived = carryVideo(sent, () => ({}), seededFraction(2))
    assert.deepEqual(
      arrived.map(({ bytes }) => bytes),
      sent.map(({ bytes }) => bytes),
    )
    assert.ok(arrived.every(({ atMs }, i) => atMs > (sent[i]?.sentMs ?? 0) + 20))
    assert.ok(Math.abs((sent.at(-1)?.sentMs ?? 0) - 10_000) < 50)
  })

  it('loses the share that it is told, also in bursts', () => {
    const many = Array.from({ length: 40 }, () => sent).flat()
    for (const lossBurst of [1, 8]) {
      const arrived = carryVideo(many, () => ({ loss: 0.05, lossBurst }), seededFraction(3))
      const lost = 1 - arrived.length / many.length
      assert.ok(Math.abs(lost - 0.05) < 0.01, `${lost}`)
    }
  })

  it('lets no more through a bottleneck than it is wide', () => {
    // 60 packets of 500 octets a second are 240 kbit/s.
    const arrived = carryVideo(sent, () => ({ throttle: 120 }), seededFraction(4))
    const seconds = ((arrived.at(-1)?.atMs ?? 0) - (arrived[0]?.atMs ?? 0)) / 1000
    const kbps = (arrived.length * 500 * 8) / 1000 / seconds
    assert.ok(Math.abs(kbps - 120) < 3, `${kbps}`)
  })
})

describe('attacks', () => {
  it('takeover() goes on with numbers and RTP time, also over a pause', () => {
    for (const pauseMs of [0, 5_000]) {
      const { packets, isForeign } = takeover(sent, clip, 4_000, pauseMs, false, seededFraction(5))
      const first = packets.findIndex(isForeign)
      assert.ok(packets.slice(first).every(isForeign))
      assert.equal(packets.length - first, clip.length)
      const [before, after] = [packets[first - 1]?.bytes, packets[first]?.bytes]
      if (before === undefined || after === undefined) assert.fail()
      assert.equal(after.readUInt16BE(2), (before.readUInt16BE(2) + 1) & 0xffff)
      const ticks = (after.readUInt32BE(4) - before.readUInt32BE(4)) | 0
      assert.equal(ticks, 3000 + pauseMs * 90)
    }
  })

  it('morph() has whole seconds of the other one, more and more', () => {
    const long = madeClip(240, 9, 99)
    const halves = [0, 0]
    for (let seed = 0; seed < 20; seed++) {
      const { packets, isForeign } = morph(sent, long, 2_000, 8_000, seededFraction(seed))
      const numbers = packets.map(({ bytes }) => bytes.readUInt16BE(2))
      assert.ok(numbers.every((n, i) => i === 0 || n === (((numbers[i - 1] ?? 0) + 1) & 0xffff)))
      const share = (from: number, to: number): number => {
        const part = packets.filter(({ sentMs }) => sentMs >= from && sentMs < to)
        return part.filter(isForeign).length / part.length / 20
      }
      assert.equal(share(0, 2_000), 0)
      halves[0] = (halves[0] ?? 0) + share(2_000, 6_000)
      halves[1] = (halves[1] ?? 0) + share(6_000, 10_000)
    }
    // Means of 1/8 to 4/8, and of 5/8 to 8/8.
    assert.ok(Math.abs((halves[0] ?? 0) - 0.3125) < 0.12, halves.join())
    assert.ok(Math.abs((halves[1] ?? 0) - 0.8125) < 0.12, halves.join())
  })

  it('injection(), replay() and beside() send besides the camera', () => {
    const forged = injection(sent, 5_000, 20, seededFraction(7))
    const count = forged.packets.filter(forged.isForeign).length
    assert.ok(count > 70 && count < 130, `${count}, not about 100`)
    assert.equal(forged.packets.length, sent.length + count)
    const again = replay(sent, 6_000, 2_000, true)
    const copies = again.packets.filter(again.isForeign)
    const between = sent.filter(({ sentMs }) => sentMs >= 4_000 && sentMs < 6_000)
    assert.deepEqual(
      copies.map(({ bytes }) => bytes),
      between.map(({ bytes }) => bytes),
    )
    const both = beside(sent, takeover(sent, clip, 4_000, 0, true, seededFraction(8)))
    assert.equal(both.packets.length, sent.length + clip.length)
  })
})
