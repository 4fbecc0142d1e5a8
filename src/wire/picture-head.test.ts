import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fromHex } from '../ground/hex.ts'
import {
  type PictureNumbering,
  readH264Head,
  readH264Numbering,
  readH265Head,
  readH265Picture,
  readH265Sequence,
} from './picture-head.ts'

/** NAL units of libx264 164 and libx265 3.5, 64 x 48; the numbers beside them are what FFmpeg's trace_headers says. */
const H264 = {
  sps: '6764000aacd9447b0110000003001000000303c0f1225960',
  // type, NAL unit, frame_num, idr_pic_id, pic_order_cnt_lsb
  slices: [
    [5, '6588840057e9d7ad090cefc866e75a635a843dc7d59e013228f266dee33043c4', 0, 0, 0],
    [1, '419a23188effca10137667feb67fe25272dc7343fdd2da915b5d493ed395abd3', 1, undefined, 6],
    [1, '419e414212fffeeade2837046ab02f', 2, undefined, 2],
    [1, '019e62442dfffeed7aefb1e5c19d25391cf7c30fac', 3, undefined, 4],
  ],
} as const
const H265 = {
  sps: '42010101600000030090000003000003001ea02083165959ae4caf016808000003000800000300f0',
  pps: '4401c173d089',
  // type, NAL unit, slice_pic_order_cnt_lsb
  slices: [
    [20, '2801af086018fe876bf1e8dfb854c46ad4aa95d15ff16b5c24043f4cb56fa650', 0],
    [1, '0201d0294be10c2041963c2eaaf0c1d37ffff606061b7095b4bfe3ffdc014279', 5],
    [1, '0201e0649d782049f047a53dc504f956e62387977a15a209fd579c', 3],
    [0, '0001e024f55fa240a68a7e80', 1],
    [0, '0001e044d75fa240a28a7e80', 2],
    [0, '0001e086b7fd4205308a7e80', 4],
  ],
} as const
const NUMBERING: PictureNumbering = {
  ...{ frameNumBits: 4, orderBits: 6, extraBits: 0, hasOutputFlag: false },
}
const h264 = (nal: string) => fromHex(nal).subarray(1)
const h265 = (nal: string) => fromHex(nal).subarray(2)

describe('H.264', () => {
  it('parameter sets say how many bits numbers have', () => {
    assert.deepEqual(readH264Numbering(h264(H264.sps)), { frameNumBits: 4, orderBits: 6 })
    // The same with frame_mbs_only_flag 0 is of fields: no bit but that one, 59th with the header.
    const fields = h264(H264.sps)
    fields[6] = (fields[6] ?? 0) & ~(1 << 4)
    assert.equal(readH264Numbering(fields), undefined)
    assert.equal(readH264Numbering(h264(H264.sps).subarray(0, 5)), undefined)
  })

  it('slices have them', () => {
    for (const [type, nal, frameNum, keyId, order] of H264.slices) {
      const isReset = type === 5
      assert.deepEqual(readH264Head(type, h264(nal), NUMBERING), {
        ...{ isReset, frameNum, keyId, order },
      })
    }
  })

  it('says nothing of a slice in the midst of a picture, or one that ends', () => {
    // first_mb_in_slice 1.
    assert.equal(readH264Head(1, fromHex('4a9a23188eff'), NUMBERING), undefined)
    assert.equal(readH264Head(1, fromHex('9a'), NUMBERING), undefined)
  })
})

describe('H.265', () => {
  const sequence = readH265Sequence(h265(H265.sps))
  const picture = readH265Picture(h265(H265.pps))

  it('parameter sets say how many bits numbers have', () => {
    assert.deepEqual(sequence, { orderBits: 8 })
    assert.deepEqual(picture, { extraBits: 0, hasOutputFlag: false })
  })

  it('slices have them', () => {
    const numbering = { ...NUMBERING, frameNumBits: 0, ...sequence, ...picture }
    for (const [type, nal, order] of H265.slices) {
      assert.deepEqual(readH265Head(type, h265(nal), numbering), {
        ...{ isReset: type === 20, frameNum: undefined, keyId: undefined, order },
      })
    }
    // A CRA picture goes on with the order; a segment that is not the first has none.
    const [, , slice] = H265.slices
    assert.equal(readH265Head(21, fromHex('ac204b2371c8627b5f'), numbering)?.isReset, false)
    const later = h265(slice[1])
    later[0] = (later[0] ?? 0) & 127
    assert.equal(readH265Head(1, later, numbering), undefined)
  })
})

it('readers never throw, and end, whatever they read (seed 27)', () => {
  const some = fc.uint8Array({ maxLength: 80 })
  const bits = fc.integer({ min: 0, max: 16 })
  fc.assert(
    fc.property(some, bits, bits, fc.integer({ min: 0, max: 31 }), (octets, a, b, type) => {
      const numbering = { ...NUMBERING, frameNumBits: a, orderBits: b }
      for (const numbers of [readH264Numbering(octets), readH265Sequence(octets)]) {
        assert.ok((numbers?.orderBits ?? 0) <= 16)
      }
      readH265Picture(octets)
      for (const head of [
        readH264Head(type, octets, numbering),
        readH265Head(type, octets, numbering),
      ]) {
        assert.ok((head?.order ?? 0) < 2 ** Math.max(b, 1))
      }
    }),
    { seed: 27, numRuns: 5000 },
  )
})
