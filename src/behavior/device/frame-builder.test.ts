import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Frame, FrameBuilder } from './frame-builder.ts'
import { madeStream } from './made-stream.ts'
import { PacketOrder } from './packet-order.ts'
import type { StreamPacket } from './stream-packet.ts'

const PACKETS = madeStream({ seconds: 2, seed: 3, slices: 2 })

function framesOf(packets: readonly StreamPacket[]): { frames: Frame[]; broken: number } {
  const [order, builder] = [new PacketOrder(), new FrameBuilder()]
  const frames = packets.flatMap((packet) => {
    order.meet(packet)
    return [...order.ready(packet.atMs)].flatMap((ordered) => builder.meet(ordered))
  })
  return { frames, broken: builder.broken }
}

describe('FrameBuilder', () => {
  it('adds up the packets of a frame', () => {
    const { frames, broken } = framesOf(PACKETS)
    assert.equal(frames.length, 60)
    assert.equal(broken, 0)
    assert.deepEqual(
      frames.flatMap(({ isKey }, i) => (isKey ? [i] : [])),
      [0, 30],
    )
    assert.ok(
      frames.every(({ slices, lost, others }) => slices === 2 && lost === 0 && others === 0),
    )
    const bytes = PACKETS.reduce((sum, packet) => sum + packet.bytes, 0)
    assert.equal(
      frames.reduce((sum, frame) => sum + (frame.bytes ?? 0), 0),
      bytes,
    )
  })

  it('takes a full packet that is lost inside of a frame for what it was', () => {
    const whole = framesOf(PACKETS).frames
    // The fourth of the first frame: sets, then at least eight of the first slice.
    const { frames, broken } = framesOf(PACKETS.filter((_, i) => i !== 3))
    assert.equal(frames[0]?.lost, 1)
    assert.equal(frames[0]?.bytes, whole[0]?.bytes)
    assert.deepEqual(frames.slice(1), whole.slice(1))
    assert.equal(broken, 0)
  })

  it('knows where a frame ends whose marker is lost', () => {
    const end = PACKETS.findIndex(({ marker }) => marker)
    const { frames } = framesOf(PACKETS.filter((_, i) => i !== end))
    assert.equal(frames.length, 60)
    assert.equal(frames[0]?.lost, 1)
    assert.equal(frames[1]?.lost, 0)
  })

  it('says no size when most of a frame is missing', () => {
    const { frames } = framesOf(PACKETS.filter((_, i) => i < 1 || i > 10))
    assert.equal(frames[0]?.bytes, undefined)
  })

  it('counts fragments that do not go on though nothing is missing', () => {
    const other = PACKETS.map((packet, i) =>
      i === 4 ? { ...packet, units: packet.units?.map((unit) => ({ ...unit, type: 1 })) } : packet,
    )
    // The one that begins amid another, and the one after it.
    assert.equal(framesOf(other).broken, 2)
  })
})
