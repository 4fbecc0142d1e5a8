import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { startSurprises, takeSurprise, WARM_UP } from './surprise.ts'

describe('takeSurprise()', () => {
  it('says nothing before it has warmed up', () => {
    const past = startSurprises()
    for (let i = 0; i < WARM_UP; i++)
      assert.deepEqual(takeSurprise(past, i % 2), { pValue: 1, digits: 0 })
    assert.ok(takeSurprise(past, 10).pValue < 0.05)
  })

  it('is the share of the past that is at least as great, as the plain count has it', () => {
    const random = seededRandom(1)
    const past = startSurprises()
    const plain = Array.from({ length: 500 }, () => random.fraction())
    for (const distance of plain) takeSurprise(past, distance)
    for (const distance of [0.1, 0.5, 0.9]) {
      const share = plain.filter((other) => other >= distance).length / plain.length
      const { pValue, digits } = takeSurprise(structuredClone(past), distance)
      // A bin is 19 % wide and half of it is taken; 500 numbers have hardly faded.
      assert.ok(Math.abs(pValue - share) < 0.1, `${pValue}, not ${share}`)
      assert.equal(digits, -Math.log10(pValue))
    }
  })

  it('adds the digits by which a record is beaten, six at most', () => {
    const past = startSurprises()
    for (let i = 0; i < 999; i++) takeSurprise(past, 1)
    const digits = (distance: number) => takeSurprise(structuredClone(past), distance).digits
    assert.ok(Math.abs(digits(1000) - digits(10) - 2) < 1e-9)
    assert.ok(Math.abs(digits(1e30) - digits(10) - 5) < 0.01)
    assert.ok(digits(10) > 3)
  })

  it('gives p-values that are as rare as they say', () => {
    const random = seededRandom(2)
    const past = startSurprises()
    let rare = 0
    for (let i = 0; i < 20_000; i++)
      if (takeSurprise(past, random.fraction() ** 3).pValue <= 0.05) rare++
    // 1000 are expected; a bin's width and the fading blur it.
    assert.ok(rare > 600 && rare < 1200, `${rare}`)
  })

  it('forgets: what was rare becomes usual when it stays', () => {
    const past = startSurprises()
    for (let i = 0; i < 5000; i++) takeSurprise(past, 1)
    const first = takeSurprise(past, 100)
    for (let i = 0; i < 5000; i++) takeSurprise(past, 100)
    assert.ok(first.pValue < 0.001 && takeSurprise(past, 100).pValue > 0.4)
  })

  it('keeps its numbers finite for a million values', () => {
    const past = startSurprises()
    for (let i = 0; i < 1e6; i++) takeSurprise(past, i % 7)
    assert.ok(past.unit < 1e12 && past.total / past.unit < 2100)
    assert.ok(past.bins.every(Number.isFinite))
  })
})
