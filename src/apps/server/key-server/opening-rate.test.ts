import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openingRate } from './opening-rate.ts'

describe('openingRate()', () => {
  const admitted = (rate: ReturnType<typeof openingRate>, address: string, now: number) =>
    Array.from({ length: 100 }, () => rate.admit(address, now)).filter(Boolean).length

  it('admits so many a second, over all', () => {
    const rate = openingRate(20)
    assert.equal(admitted(rate, '', 1000), 20)
    assert.equal(admitted(rate, '', 1500), 10)
    assert.equal(admitted(rate, '', 60_000), 20)
  })

  it('leaves most of it to others', () => {
    const rate = openingRate(20)
    assert.equal(admitted(rate, '192.0.2.1', 1000), 2)
    assert.equal(admitted(rate, '192.0.2.2', 1000), 2)
    assert.equal(admitted(rate, '', 1000), 16)
  })

  it('gives nothing for a clock that steps back', () => {
    const rate = openingRate(20)
    assert.equal(admitted(rate, '', 60_000), 20)
    assert.equal(admitted(rate, '', 1000), 0)
    assert.equal(admitted(rate, '', 60_500), 10)
  })
})
