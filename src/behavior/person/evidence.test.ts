import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../../math/seeded-chance.ts'
import { addEvidence, digitsOfBet } from './evidence.ts'

describe('digitsOfBet()', () => {
  it('by hand: -0.30 of what is most usual, nothing at a quarter, 0.70 of one in a hundred', () => {
    assert.ok(Math.abs(digitsOfBet(1) + Math.log10(2)) < 1e-12)
    assert.ok(Math.abs(digitsOfBet(0.25)) < 1e-12)
    assert.ok(Math.abs(digitsOfBet(0.01) - Math.log10(5)) < 1e-12)
  })

  it('is a bet: its mean is 1 where p is uniform (midpoint rule)', () => {
    const steps = 1_000_000
    let sum = 0
    for (let i = 0; i < steps; i++) sum += 10 ** digitsOfBet((i + 0.5) / steps)
    assert.ok(Math.abs(sum / steps - 1) < 1e-3, `${sum / steps}`)
  })
})

describe('addEvidence()', () => {
  it('forgets what spoke for the person, and is bounded', () => {
    let score = 0
    for (let i = 0; i < 100; i++) score = addEvidence(score, 1, 6)
    assert.equal(addEvidence(score, 0.01, 6), digitsOfBet(0.01))
    for (let i = 0; i < 100; i++) score = addEvidence(score, 0.01, 6)
    assert.equal(score, 6)
  })

  it('keeps its word: s digits come once in 10^s observations at most', () => {
    const fraction = seededFraction(5)
    let [score, alarms] = [0, 0]
    const count = 200_000
    for (let i = 0; i < count; i++) {
      score = addEvidence(score, 1 - fraction(), 9)
      if (score < 2) continue
      alarms++
      score = 0
    }
    assert.ok(alarms <= count / 100, `${alarms}`)
    assert.ok(alarms > 0)
  })
})
