import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KeyedRate } from './keyed-rate.ts'

describe('KeyedRate', () => {
  it('admits a minute of them at once, then as time passes, each by itself', () => {
    const rate = new KeyedRate(6)
    for (let i = 0; i < 6; i++) assert.equal(rate.admit('a', 1000), 0)
    assert.equal(rate.admit('a', 1000), 10)
    assert.equal(rate.admit('b', 1000), 0)
    assert.equal(rate.admit('a', 6000), 5)
    assert.equal(rate.admit('a', 11_000), 0)
    assert.equal(rate.admit('a', 11_000), 10)
    for (let i = 0; i < 6; i++) assert.equal(rate.admit('a', 1e9), 0)
    assert.ok(rate.admit('a', 1e9) > 0)
  })

  it('is no loophole when the clock goes back', () => {
    const rate = new KeyedRate(1)
    assert.equal(rate.admit('a', 60_000), 0)
    assert.equal(rate.admit('a', 0), 60)
    assert.equal(rate.admit('a', 60_000), 60)
  })

  it('has no limit at 0', () => {
    const rate = new KeyedRate(0)
    for (let i = 0; i < 1000; i++) assert.equal(rate.admit('a', 0), 0)
  })

  it('remembers so many', () => {
    const rate = new KeyedRate(1)
    assert.equal(rate.admit('first', 0), 0)
    for (let i = 0; i < 49_999; i++) rate.admit(String(i), 0)
    assert.ok(rate.admit('first', 0) > 0)
    for (let i = 0; i < 50_000; i++) rate.admit(`x${i}`, 0)
    assert.equal(rate.admit('first', 0), 0)
  })
})
