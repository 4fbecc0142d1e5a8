import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PacketWindow, packetIndex, WINDOW_PACKETS } from './packet-window.ts'

const SEED = 37_110_331

/** RFC 3711 section 3.3.1 as it is written: of three rollover counters the one whose index is nearest. */
function nearest(sequence: number, highest: number): number {
  const roc = Math.floor(highest / 65_536)
  const candidates = [roc - 1, roc, roc + 1]
    .filter((one) => one >= 0)
    .map((one) => one * 65_536 + sequence)
  return candidates.reduce((best, one) =>
    Math.abs(one - highest) < Math.abs(best - highest) ? one : best,
  )
}

describe('packetIndex()', () => {
  it('is the nearest one with that sequence number', () => {
    fc.assert(
      fc.property(
        fc.nat(65_535),
        fc.integer({ min: 65_536, max: 2 ** 40 }),
        (sequence, highest) => {
          // Just half a turn away both are as near.
          if (Math.abs(nearest(sequence, highest) - highest) === 32_768) return
          assert.equal(packetIndex(sequence, highest), nearest(sequence, highest))
        },
      ),
      { seed: SEED, numRuns: 5000 },
    )
  })

  it('begins with rollover counter 0, and nothing is before it', () => {
    assert.equal(packetIndex(65_535, undefined), 65_535)
    assert.equal(packetIndex(65_535, 3), 65_535)
    assert.equal(packetIndex(2, 65_535), 65_538)
    assert.equal(packetIndex(65_535, 65_538), 65_535)
  })

  it('ends with the last index of 48 bits', () => {
    assert.equal(packetIndex(65_535, 2 ** 48 - 2), 2 ** 48 - 1)
    assert.equal(packetIndex(0, 2 ** 48 - 1), -1)
  })
})

describe('PacketWindow', () => {
  it('takes each index once and none that is too old, as a set does', () => {
    const steps = fc.array(fc.integer({ min: -1100, max: 1100 }), { maxLength: 300 })
    fc.assert(
      fc.property(fc.nat(2 ** 40), steps, (begin, moves) => {
        const window = new PacketWindow()
        const taken = new Set<number>()
        let highest = -1
        let at = begin
        for (const move of moves) {
          at = Math.max(0, at + move)
          const isFresh = !taken.has(at) && (highest < 0 || highest - at < WINDOW_PACKETS)
          assert.equal(window.isFresh(at), isFresh, `${at} of ${highest}`)
          if (!isFresh) continue
          window.take(at)
          taken.add(at)
          highest = Math.max(highest, at)
          assert.equal(window.highest, highest)
        }
      }),
      { seed: SEED, numRuns: 300 },
    )
  })
})
