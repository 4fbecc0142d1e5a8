import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { toHex } from '../ground/hex.ts'
import { readUserData } from './user-data-message.ts'

/** Of libx264; its words are cut. */
const UUID = [
  ...[0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7],
  ...[0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23, 0xee, 0xef],
]
const WORDS = [...'x264 - core 164'].map((char) => char.charCodeAt(0))
const message = (type: number, octets: readonly number[]) => [type, octets.length, ...octets]

describe('readUserData()', () => {
  it('reads a UUID and the words behind it', () => {
    const data = readUserData(Uint8Array.from([...message(5, [...UUID, ...WORDS]), 0x80]))
    assert.equal(toHex(data?.subarray(0, 16) ?? new Uint8Array()), toHex(Uint8Array.from(UUID)))
    assert.deepEqual([...(data?.subarray(16) ?? [])], WORDS)
  })

  it('behind other messages, of more than 255 octets, without the octets against start codes', () => {
    const long = [...UUID, ...new Array(300).fill(7)]
    const sei = [...message(1, [1, 2, 3]), 5, 255, long.length - 255, ...long, 0x80]
    assert.equal(readUserData(Uint8Array.from(sei))?.length, 316)
    const zeros = [...UUID, 0, 0, 1]
    const escaped = [5, zeros.length, ...UUID, 0, 0, 3, 1, 0x80]
    assert.deepEqual([...(readUserData(Uint8Array.from(escaped)) ?? [])], zeros)
  })

  it('says nothing of what is cut, is another message, or has no end', () => {
    const whole = message(5, [...UUID, ...WORDS])
    assert.equal(readUserData(Uint8Array.from(whole.slice(0, -1))), undefined)
    assert.equal(readUserData(Uint8Array.from([...message(4, UUID), 0x80])), undefined)
    assert.equal(readUserData(new Uint8Array(2000).fill(255)), undefined)
  })

  it('never throws (seed 28)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (sei) => {
        assert.ok((readUserData(sei)?.length ?? 16) >= 16)
      }),
      { seed: 28, numRuns: 5000 },
    )
  })
})
