import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromHex } from '../../ground/hex.ts'
import type { Frame } from './frame-builder.ts'
import { PictureNumbers } from './picture-numbers.ts'

/** Of libx264: frame_num has 4 bits, pic_order_cnt_lsb 6 (`wire/picture-head.test.ts`). */
const SPS = fromHex('64000aacd9447b0110000003001000000303c0f1225960')
const SPS_TYPE = 7
const TICKS = 3000

interface Picture {
  readonly at: number
  readonly isKey: boolean
  readonly isDisposable: boolean
  readonly frameNum: number
  /** Frames, in the order shown, since the key frame. */
  readonly order: number
  readonly keyId: number
}

/** first_mb 0, slice_type 0, parameter set 0: each one bit; then the numbers. */
function headOf({ isKey, frameNum, order, keyId }: Picture): Uint8Array {
  const number = (value: number, bits: number) => value.toString(2).padStart(bits, '0')
  const code = number(keyId + 1, 0)
  const golomb = '0'.repeat(code.length - 1) + code
  const bits = `111${number(frameNum, 4)}${isKey ? golomb : ''}${number((2 * order) % 64, 6)}1`
  const octets = bits.padEnd(64, '0').match(/.{8}/g) ?? []
  return Uint8Array.from(octets, (octet) => Number.parseInt(octet, 2))
}

function frameOf(picture: Picture, more: Partial<Frame> = {}): Frame {
  const { at, isKey, isDisposable } = picture
  return {
    ...{ atMs: at * 33, timestamp: at * TICKS, bytes: 900, packets: 1, lost: 0, largest: 0 },
    ...{ isKey, isDisposable, slices: 1, others: 0 },
    start: { type: isKey ? 5 : 1, head: headOf(picture) },
    ...more,
  }
}

/** Key frames every 13 pictures, and between them P B b ...: sent 3 1 2 6 4 5, of which the middle one is disposable. */
function pictures(groups: number, firstKeyId = 0, from = 0): Picture[] {
  return Array.from({ length: groups }, (_, g) => {
    const begin = from + g * 13
    const keyId = (firstKeyId + g) % 2
    const key = { at: begin, isKey: true, isDisposable: false, frameNum: 0, order: 0, keyId }
    const rest = [3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11].map((order, i): Picture => {
      // One more after each that others need: the last of three is not needed.
      const references = i - Math.floor(i / 3)
      return {
        ...{ at: begin + order, isKey: false, isDisposable: i % 3 === 2, order, keyId },
        frameNum: (references + 1) % 16,
      }
    })
    return [key, ...rest]
  }).flat()
}

const learned = (() => {
  const numbers = new PictureNumbers('h264')
  numbers.meetSet(SPS_TYPE, SPS)
  for (const picture of pictures(6)) numbers.meet(frameOf(picture))
  return numbers.traits()
})()

const faultsOf = (frames: readonly Frame[]) => {
  const numbers = new PictureNumbers('h264', learned)
  return frames.flatMap((frame, i) => {
    const fault = numbers.meet(frame)
    return fault === undefined ? [] : [[i, fault]]
  })
}
const run = (groups = 3) => pictures(groups).map((picture) => frameOf(picture))

describe('PictureNumbers', () => {
  it('learns how pictures are numbered', () => {
    assert.deepEqual(learned, {
      numbering: { frameNumBits: 4, orderBits: 6, extraBits: 0, hasOutputFlag: false },
      ...{ orderTicks: 1500, frameTicks: 3000, isReordered: true, isReset: true },
      keyIds: [
        [0, 1],
        [1, 0],
      ],
    })
  })

  it('has nothing against what goes on, with losses anywhere', () => {
    assert.deepEqual(faultsOf(run(20)), [])
    for (let lost = 0; lost < 39; lost++) {
      // A picture less; what is missing is told with the next.
      const frames = run().flatMap((frame, i) => (i === lost ? [] : [frame]))
      const told = frames.map((frame, i) => (i === lost ? { ...frame, lost: 1 } : frame))
      assert.deepEqual(faultsOf(told), [], `${lost}`)
    }
  })

  it('has nothing against a camera that leaves pictures out', () => {
    const late = run().map((frame, i) =>
      i < 17 ? frame : { ...frame, timestamp: frame.timestamp + 4 * TICKS },
    )
    assert.deepEqual(faultsOf(late), [])
  })

  it('numbers that do not go on', () => {
    // From the midst of a group into that of another, as if nothing were: other numbers, other order.
    const frames = [...run().slice(0, 20), ...run().slice(24, 39)]
    assert.deepEqual(faultsOf(frames)[0], [20, 'numbers'])
  })

  it('a key frame before pictures that were announced are sent, or that is shown before them', () => {
    const next = pictures(1, 0, 26)
    // After the first of three pictures the other two are missing.
    const cut = [...run(2).slice(0, 15), ...next.map((picture) => frameOf(picture))]
    assert.deepEqual(faultsOf(cut)[0], [15, 'numbers'])
    const early = pictures(1, 0, 20).map((picture) => frameOf(picture))
    assert.deepEqual(faultsOf([...run(2), ...early])[0], [26, 'numbers'])
  })

  it('key frames of another encoder', () => {
    const other = pictures(1, 1, 26).map((picture) => frameOf(picture))
    assert.deepEqual(faultsOf([...run(2), ...other]), [[26, 'restart']])
    const own = pictures(1, 0, 26).map((picture) => frameOf(picture))
    assert.deepEqual(faultsOf([...run(2), ...own]), [])
  })

  it('says nothing of pictures whose numbers it does not know', () => {
    const numbers = new PictureNumbers('h264')
    for (const frame of run()) assert.equal(numbers.meet(frame), undefined)
    const traits = numbers.traits()
    assert.equal(traits.numbering, null)
    assert.equal(traits.frameTicks, 3000)
    const known = new PictureNumbers('h264', traits)
    for (const frame of run()) assert.equal(known.meet(frame), undefined)
  })
})
