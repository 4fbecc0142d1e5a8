import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readRtpPacket } from '../../wire/rtp-packet.ts'
import { seeStreamPacket, type VideoCodec } from './stream-packet.ts'

const seen = (codec: VideoCodec, payload: readonly number[]) => {
  const header = Buffer.from('80e0010200000bb800000007', 'hex')
  const read = readRtpPacket(Buffer.concat([header, Buffer.from(payload)]))
  if (read.kind !== 'read') assert.fail()
  return seeStreamPacket(codec, read.packet, 5)
}
const hashOf = (bytes: readonly number[]): string =>
  createHash('sha256').update(Buffer.from(bytes)).digest('hex').slice(0, 16)

describe('seeStreamPacket()', () => {
  it('has the header, the length and the arrival', () => {
    const { units: _, ...rest } = seen('h264', [0x41, 1, 2, 3])
    assert.deepEqual(rest, {
      ...{ atMs: 5, bytes: 16, sequence: 258, timestamp: 3000, marker: true, ssrc: 7 },
      payloadType: 96,
    })
  })

  it('has hashes of the parameter sets of an aggregate, as SHA-256 makes them', () => {
    const [sps, pps] = [
      [0x67, 1, 2],
      [0x68, 3],
    ]
    const { units = [] } = seen('h264', [0x78, 0, 3, ...sps, 0, 2, ...pps])
    assert.deepEqual(
      units.map(({ kind, type, hash }) => ({ kind, type, hash })),
      [
        { kind: 'parameters', type: 7, hash: hashOf(sps) },
        { kind: 'parameters', type: 8, hash: hashOf(pps) },
      ],
    )
  })

  it('knows key frames, disposable frames and fragments of both codecs', () => {
    const one = (codec: VideoCodec, payload: readonly number[]) => seen(codec, payload).units?.[0]
    const key = one('h264', [0x7c, 0x85, 1])
    assert.deepEqual([key?.kind, key?.isFirst, key?.isLast], ['key', true, false])
    assert.equal(one('h264', [0x41, 1])?.isDisposable, false)
    assert.equal(one('h264', [0x01, 1])?.isDisposable, true)
    // The middle of a fragment has its importance in the indicator.
    assert.equal(one('h264', [0x1c, 0x01, 9])?.isDisposable, true)
    assert.equal(one('h265', [0x26, 1, 9])?.kind, 'key')
    assert.equal(one('h265', [0x00, 1, 9])?.isDisposable, true)
    assert.equal(one('h265', [0x02, 1, 9])?.isDisposable, false)
    assert.equal(one('h265', [0x42, 1, 9])?.hash, hashOf([0x42, 1, 9]))
  })

  it('says what is no payload of the codec, and never throws', () => {
    assert.equal(seen('h264', [0xff, 1]).units, undefined)
    const codec = fc.constantFrom<VideoCodec>('h264', 'h265')
    const payload = fc.uint8Array({ maxLength: 64 })
    fc.assert(
      fc.property(codec, payload, (which, bytes) => {
        const { units } = seen(which, [...bytes])
        assert.ok(units === undefined || units.length > 0)
      }),
      { seed: 25, numRuns: 2000 },
    )
  })
})
