import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HalfSipHash } from './half-sip-hash.ts'

const KEY = Uint8Array.from({ length: 8 }, (_, i) => i)
/** Of the reference implementation (`vectors.h`, hsip64): of the bytes 0, 1, 2, ... n - 1 under the key above. */
const VECTORS = [
  ...['218d1f59b9b83cc8', 'be552412f8387315', '064f39ef7c50eb57', 'ce0f1a45f7060679'],
  ...['d5e78a175be52ea1', 'cb9d7c3f2f3db580', 'ce3e91358aa2bc25', 'ff202728b07bc684'],
  'edfee820bce4858c',
]

function hex(hash: HalfSipHash): string {
  const bytes = new DataView(new ArrayBuffer(8))
  bytes.setInt32(0, hash.low, true)
  bytes.setInt32(4, hash.high, true)
  return Buffer.from(bytes.buffer).toString('hex')
}

describe('HalfSipHash', () => {
  it('gives the values of the reference implementation', () => {
    const hash = new HalfSipHash(KEY)
    for (const [length, expected] of VECTORS.entries()) {
      hash.hash(String.fromCharCode(...Array.from({ length }, (_, i) => i)))
      assert.equal(hex(hash), expected, `of ${length} bytes`)
    }
  })

  it('goes by its key', () => {
    const [one, other] = [new HalfSipHash(KEY), new HalfSipHash(KEY.map((byte) => byte ^ 1))]
    one.hash('a proof')
    other.hash('a proof')
    assert.notEqual(hex(one), hex(other))
    assert.throws(() => new HalfSipHash(new Uint8Array(7)), RangeError)
  })
})
