import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addProducts, overPublic, timesPublic } from './gf256.ts'

/** FIPS 197, section 4.2: shift, add, reduce. */
function timesByHand(x: number, y: number): number {
  let product = 0
  for (let bit = 0, multiple = x; bit < 8; bit++) {
    if ((y >>> bit) & 1) product ^= multiple
    multiple = (multiple << 1) ^ (multiple & 0x80 ? 0x11b : 0)
  }
  return product
}

describe('timesPublic()', () => {
  it('gives the products of FIPS 197, sections 4.2 and 4.2.1', () => {
    assert.equal(timesPublic(0x57, 0x83), 0xc1)
    assert.equal(timesPublic(0x57, 0x13), 0xfe)
    assert.equal(timesPublic(0x57, 0x02), 0xae)
    assert.equal(timesPublic(0x57, 0x10), 0x07)
  })

  it('is multiplication by hand, for all pairs', () => {
    for (let x = 0; x < 256; x++) {
      for (let y = 0; y < 256; y++) assert.equal(timesPublic(x, y), timesByHand(x, y))
    }
  })
})

describe('overPublic()', () => {
  it('undoes multiplication, for all pairs', () => {
    for (let x = 0; x < 256; x++) {
      for (let y = 1; y < 256; y++) assert.equal(overPublic(timesByHand(x, y), y), x)
    }
  })

  it('throws for zero', () => assert.throws(() => overPublic(1, 0), RangeError))
})

describe('addProducts()', () => {
  it('is multiplication by hand in each of four places, for all pairs', () => {
    for (let x = 0; x < 256; x++) {
      const places = [x, x ^ 0x5a, 255 - x, (x * 7) & 255] as const
      const [a, b, c, d] = places
      // Of the fifth only so much as is asked for.
      const octets = Uint8Array.of(a, b, c, d, x, 0xff)
      for (let factor = 0; factor < 256; factor++) {
        const sums = Int32Array.of(0x01020304, 0x01020304)
        addProducts(sums, octets, 5, factor)
        assert.equal((sums[1] ?? 0) ^ 0x01020304, timesByHand(x, factor))
        const product = (sums[0] ?? 0) ^ 0x01020304
        for (const [i, place] of places.entries()) {
          assert.equal((product >>> (8 * i)) & 255, timesByHand(place, factor))
        }
      }
    }
  })
})
