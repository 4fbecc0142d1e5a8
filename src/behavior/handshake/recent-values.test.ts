import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RecentValues } from './recent-values.ts'

const SEED = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const value = (n: number) => Uint8Array.of(n >> 24, n >> 16, n >> 8, n)

describe('RecentValues', () => {
  it('knows a value again, and when it came first', () => {
    const recent = new RecentValues(10, SEED)
    assert.equal(recent.meet(value(1), 100), undefined)
    assert.equal(recent.meet(value(2), 150), undefined)
    assert.equal(recent.meet(value(1), 200), 100)
    assert.equal(recent.meet(value(1), 300), 100)
    assert.equal(recent.size, 2)
  })

  it('remembers exactly the last values of its capacity', () => {
    const recent = new RecentValues(1000, SEED)
    for (let i = 0; i < 5000; i++) assert.equal(recent.meet(value(i), i), undefined)
    assert.equal(recent.size, 1000)
    for (let i = 4000; i < 5000; i++) assert.equal(recent.meet(value(i), 9999), i)
    assert.equal(recent.meet(value(3999), 9999), undefined)
  })

  it('tells values apart that differ in one bit or in length', () => {
    const recent = new RecentValues(1000, SEED)
    const values = Array.from({ length: 256 }, (_, i) => {
      const bytes = new Uint8Array(32)
      bytes[i >> 3] = 1 << (i & 7)
      return bytes
    })
    values.push(new Uint8Array(32), new Uint8Array(31), new Uint8Array(0))
    for (const bytes of values) assert.equal(recent.meet(bytes, 0), undefined)
  })

  it('claims a chance of one in 2^64 per value held', () => {
    const recent = new RecentValues(10, SEED)
    assert.equal(recent.chance, 0)
    for (let i = 0; i < 20; i++) recent.meet(value(i), i)
    assert.equal(recent.chance, 10 / 2 ** 64)
  })

  it('refuses a capacity below 1 and a short seed', () => {
    assert.throws(() => new RecentValues(0, SEED), RangeError)
    assert.throws(() => new RecentValues(1, SEED.subarray(1)), RangeError)
  })
})
