import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemRandom } from './system-random.ts'

describe('systemRandom()', () => {
  const random = systemRandom()

  it('gives as many bytes as asked for, across batches and beyond one', () => {
    for (const length of [0, 1, 32, 1000, 1025, 5000]) {
      assert.equal(random.bytes(length).length, length)
    }
  })

  it('never gives the same twice', () => {
    const drawn = new Set(
      Array.from({ length: 2000 }, () => Buffer.from(random.bytes(8)).toString('hex')),
    )
    assert.equal(drawn.size, 2000)
  })

  it('what was given is its own: writing to it changes nothing drawn later', () => {
    const first = random.bytes(16)
    first.fill(0)
    assert.notDeepEqual(random.bytes(16), new Uint8Array(16))
  })

  it('gives fractions over all of [0, 1)', () => {
    const fractions = Array.from({ length: 4000 }, () => random.fraction())
    assert.ok(fractions.every((value) => value >= 0 && value < 1))
    const tenths = new Set(fractions.map((value) => Math.floor(value * 10)))
    assert.equal(tenths.size, 10)
    const mean = fractions.reduce((sum, value) => sum + value, 0) / 4000
    // Standard error 0.0046: six of them.
    assert.ok(Math.abs(mean - 0.5) < 0.028, String(mean))
  })

  it('refuses lengths that are none', () => {
    for (const length of [-1, 1.5, Number.NaN])
      assert.throws(() => random.bytes(length), RangeError)
  })
})
