import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KeystreamAhead } from './keystream-ahead.ts'

/** Says in each octet of which packet it is; and what was asked for. */
function counting(ahead: KeystreamAhead) {
  const asked: [packets: number, bytes: number][] = []
  const take = (ssrc: number, index: number, bytes: number, isAuthentic = true): number[] => {
    const keystream = ahead.of(ssrc, index, bytes, (packets, each) => {
      asked.push([packets, each])
      const octets = Array.from({ length: packets }, (_, i) =>
        Buffer.alloc(each, 64 * ssrc + index + i),
      )
      return Buffer.concat(octets)
    })
    if (isAuthentic) ahead.keep(ssrc, keystream, bytes)
    const at = keystream.at(index)
    return [...keystream.octets.subarray(at, at + bytes)]
  }
  return { asked, take }
}

describe('KeystreamAhead', () => {
  it('makes those of sixteen packets at once', () => {
    const { asked, take } = counting(new KeystreamAhead())
    for (let index = 0; index < 32; index++) {
      assert.deepEqual(take(0, index, 48), new Array(48).fill(index))
    }
    assert.deepEqual(asked, [
      [16, 48],
      [16, 48],
    ])
  })

  it('makes as much for each as the longest of those before needed', () => {
    const { asked, take } = counting(new KeystreamAhead())
    const lengths = [...[48, 96, 16, 16], ...new Array(16).fill(16)]
    for (const [index, bytes] of lengths.entries()) take(0, index, bytes)
    assert.deepEqual(asked, [
      [16, 48],
      [16, 96],
      [16, 96],
    ])
  })

  it('makes no more than 20 KiB ahead, and one packet of any length', () => {
    const { asked, take } = counting(new KeystreamAhead())
    take(0, 0, 6000)
    take(1, 0, 65_536)
    assert.deepEqual(asked, [
      [3, 6000],
      [1, 65_536],
    ])
  })

  it('keeps nothing for who is not authentic', () => {
    const { asked, take } = counting(new KeystreamAhead())
    take(0, 0, 48)
    take(0, 5000, 48, false)
    take(0, 1, 1600, false)
    take(0, 1, 48)
    assert.deepEqual(asked, [
      [16, 48],
      [16, 48],
      [12, 1600],
    ])
    take(0, 16, 48)
    assert.deepEqual(asked.at(-1), [16, 48])
  })

  it('makes one packet alone that comes late, and goes on where it was', () => {
    const { asked, take } = counting(new KeystreamAhead())
    take(0, 20, 48)
    take(0, 19, 48)
    take(0, 21, 48)
    assert.deepEqual(asked, [
      [16, 48],
      [1, 48],
    ])
  })

  it('ends with the last index of 48 bits', () => {
    const { asked, take } = counting(new KeystreamAhead())
    take(0, 2 ** 48 - 3, 48)
    assert.deepEqual(asked, [[3, 48]])
  })

  it('gives each packet its own, in any order and of any length', () => {
    const packet = fc.record({
      ssrc: fc.nat({ max: 2 }),
      index: fc.nat({ max: 60 }),
      blocks: fc.integer({ min: 1, max: 9 }),
      isAuthentic: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 80 }), (packets) => {
        const { take } = counting(new KeystreamAhead())
        for (const { ssrc, index, blocks, isAuthentic } of packets) {
          const bytes = 16 * blocks
          const expected = new Array(bytes).fill(64 * ssrc + index)
          assert.deepEqual(take(ssrc, index, bytes, isAuthentic), expected)
        }
      }),
      { seed: 3711, numRuns: 500 },
    )
  })

  it('leaves nothing behind', () => {
    const ahead = new KeystreamAhead()
    let octets = Buffer.alloc(0)
    const keystream = ahead.of(1, 0, 16, (packets, bytes) => {
      octets = Buffer.alloc(packets * bytes, 1)
      return octets
    })
    ahead.keep(1, keystream, 16)
    ahead.zero()
    assert.deepEqual(octets, Buffer.alloc(256))
  })
})
