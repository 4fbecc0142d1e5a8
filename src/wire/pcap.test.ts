import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { pcapFile, pcapngFile } from '../../test/fixtures/capture-bytes.ts'
import type { Capture } from './capture.ts'
import { readCapture } from './pcap.ts'

const FRAMES = [[1, 2, 3], [], [4, 5, 6, 7, 8]]

function capture(file: Uint8Array): Capture {
  const outcome = readCapture(file)
  assert.equal(outcome.kind, 'capture')
  return outcome.capture
}

const bytesOf = ({ packets }: Capture) => packets.map((packet) => [...packet.bytes])

describe('readCapture() of pcap', () => {
  for (const littleEndian of [true, false]) {
    for (const [magic, perMs] of [
      [0xa1b2c3d4, 1e3],
      [0xa1b23c4d, 1e6],
      [0xa1b2cd34, 1e3],
    ] as const) {
      it(`reads ${magic.toString(16)}, ${littleEndian ? 'little' : 'big'}-endian`, () => {
        const read = capture(pcapFile(FRAMES, { littleEndian, magic, linkType: 113 }))
        assert.deepEqual(bytesOf(read), FRAMES)
        assert.deepEqual(
          read.packets.map((packet) => packet.at),
          [1e6, 1e6 + 1 / perMs, 1e6 + 2 / perMs],
        )
        assert.equal(read.packets[0]?.linkType, 113)
        assert.equal(read.damage, '')
      })
    }
  }

  it('keeps the packets before the damage, and says what it is', () => {
    const file = pcapFile(FRAMES)
    const cut = capture(file.subarray(0, -1))
    assert.deepEqual(bytesOf(cut), FRAMES.slice(0, 2))
    assert.equal(cut.damage, 'the file ends in the middle of packet 3')
    const huge = pcapFile(FRAMES)
    huge.set([255, 255, 255, 255], 24 + 8)
    assert.equal(capture(huge).damage, 'packet 1 has 4294967295 bytes')
  })
})

describe('readCapture() of pcapng', () => {
  for (const littleEndian of [true, false]) {
    it(`reads several interfaces, ${littleEndian ? 'little' : 'big'}-endian`, () => {
      const packets = [{ bytes: [1, 2, 3] }, { bytes: [4], interface: 1 }]
      const read = capture(pcapngFile([1, 113], packets, littleEndian))
      assert.deepEqual(
        read.packets.map(({ linkType, at }) => [linkType, at]),
        [
          [1, 1e6],
          [113, 1e6 + 1e-6],
        ],
      )
      assert.deepEqual(bytesOf(read), [[1, 2, 3], [4]])
    })
  }

  it('reads simple packets, which have no time', () => {
    const read = capture(pcapngFile([101], [{ bytes: [9, 8, 7], simple: true }]))
    assert.deepEqual(bytesOf(read), [[9, 8, 7]])
    assert.equal(read.packets[0]?.at, 0)
  })

  it('begins anew with each section, whatever its byte order', () => {
    const first = pcapngFile([1], [{ bytes: [1] }], true)
    const second = pcapngFile([12], [{ bytes: [2] }], false)
    const read = capture(Uint8Array.from([...first, ...second]))
    assert.deepEqual(
      read.packets.map((packet) => packet.linkType),
      [1, 12],
    )
  })

  it('keeps the packets before the damage', () => {
    const file = pcapngFile([1], [{ bytes: [1] }, { bytes: [2] }])
    const read = capture(file.subarray(0, -3))
    assert.deepEqual(bytesOf(read), [[1]])
    assert.equal(read.damage, 'the file ends in the middle of a block after packet 1')
  })
})

describe('readCapture() of anything', () => {
  it('knows what is no capture', () => {
    assert.deepEqual(readCapture(new Uint8Array(100)), { kind: 'not_a_capture' })
    assert.deepEqual(readCapture(Uint8Array.of(0xd4, 0xc3)), { kind: 'not_a_capture' })
  })

  it('never throws', () => {
    const files = [pcapFile(FRAMES), pcapngFile([1, 1], [{ bytes: [1, 2] }, { bytes: [3] }])]
    const change = fc.tuple(fc.nat(200), fc.nat(255))
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(change),
        fc.nat(200),
        (file, changes, end) => {
          const copy = file.slice(0, end)
          for (const [at, value] of changes) if (at < copy.length) copy[at] = value
          readCapture(copy)
        },
      ),
      { seed: 3, numRuns: 5000 },
    )
  })
})
