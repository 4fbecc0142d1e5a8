import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GrowingOctets } from './growing-octets.ts'

describe('GrowingOctets', () => {
  it('holds pieces in a row, up to its bound', () => {
    const octets = new GrowingOctets(100_000)
    for (let i = 0; i < 10_000; i++) assert.ok(octets.add(new Uint8Array(10).fill(i)))
    assert.equal(octets.add(new Uint8Array(1)), false)
    const whole = octets.take()
    assert.equal(whole.length, 100_000)
    assert.ok(whole.every((octet, i) => octet === Math.floor(i / 10) % 256))
    assert.equal(octets.take().length, 0)
  })

  it('zeroes what was not taken', () => {
    const octets = new GrowingOctets(10)
    octets.add(Uint8Array.of(1, 2, 3))
    octets.wipe()
    assert.deepEqual(octets.take(), new Uint8Array(3))
  })
})
