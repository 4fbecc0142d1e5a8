import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import {
  CALIBRATION_DEFAULTS,
  calibrate,
  isCalibration,
  learnScore,
  newCalibration,
  thresholdInForce,
} from './conformal.ts'

const OPTIONS = { ...CALIBRATION_DEFAULTS, budget: 0.01, threshold: 2 }

describe('calibrate()', () => {
  it('takes a score at its word when nothing is known', () => {
    assert.equal(calibrate(newCalibration(0), OPTIONS, 3.3), 3.3)
    assert.equal(calibrate(newCalibration(0), OPTIONS, -1), 0)
  })

  it('gives a score that is common here the share of those as high', () => {
    const state = newCalibration(0)
    for (let i = 0; i < 999; i++) learnScore(state, OPTIONS, i < 99 ? 1.5 : 0, 0)
    assert.equal(calibrate(state, OPTIONS, 1.5), 1)
    // Beyond what was seen the claim stands.
    assert.equal(calibrate(state, OPTIONS, 3), 3)
  })

  it('never adds, and takes off at most the bound, whatever was learned', () => {
    const scores = fc.array(fc.double({ min: 0, max: 12, noNaN: true }), { maxLength: 300 })
    fc.assert(
      fc.property(scores, fc.double({ min: 0, max: 30, noNaN: true }), (learned, score) => {
        const state = newCalibration(0)
        learned.forEach((value, i) => {
          learnScore(state, OPTIONS, value, i * 60_000)
        })
        const got = calibrate(state, OPTIONS, score)
        assert.ok(got <= score && got >= score - OPTIONS.correctionMax)
        assert.ok(isCalibration(JSON.parse(JSON.stringify(state))))
      }),
      { seed: 20261122 },
    )
  })
})

describe('learnScore()', () => {
  it('keeps the realised share within the budget when scores claim ten times too much', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed)
      const state = newCalibration(0)
      let flagged = 0
      const events = 20_000
      for (let i = 0; i < events; i++) {
        // -log10 of a p-value that is a tenth of an honest one.
        const score = -Math.log10(random.fraction() / 10 + 1e-12)
        if (i >= 2000 && calibrate(state, OPTIONS, score) >= OPTIONS.threshold) flagged++
        learnScore(state, OPTIONS, score, i * 100)
      }
      const share = flagged / (events - 2000)
      assert.ok(share <= OPTIONS.budget * 1.3, `seed ${seed}: ${share}`)
    }
  })

  it('does not let 10 000 slowly rising scores pull the threshold beyond its bound', () => {
    const state = newCalibration(0)
    for (let i = 0; i < 10_000; i++) {
      // Always just below what would be flagged, which is the best an attacker can do ...
      const below = thresholdInForce(state, OPTIONS) - 0.05
      learnScore(state, OPTIONS, below, i * 1000)
      // ... or above it now and then, to move the level.
      if (i % 10 === 0) learnScore(state, OPTIONS, 12, i * 1000)
    }
    assert.ok(thresholdInForce(state, OPTIONS) <= OPTIONS.threshold + OPTIONS.correctionMax)
    const attack = OPTIONS.threshold + OPTIONS.correctionMax
    assert.ok(calibrate(state, OPTIONS, attack) >= OPTIONS.threshold)
  })

  it('forgets, and comes back when the attack is over', () => {
    const state = newCalibration(0)
    for (let i = 0; i < 200; i++) learnScore(state, OPTIONS, 9, 0)
    assert.equal(state.shift, OPTIONS.correctionMax)
    for (let i = 0; i < 5000; i++) learnScore(state, OPTIONS, 0, i * 1000)
    assert.equal(state.shift, 0)
    assert.equal(thresholdInForce(state, OPTIONS), OPTIONS.threshold)
  })

  it('does nothing odd when the clock goes backwards', () => {
    const state = newCalibration(1e12)
    for (let i = 0; i < 100; i++) learnScore(state, OPTIONS, 1, 1e12 - i * 1e9)
    assert.equal(state.total, 100)
  })
})

it('isCalibration() refuses what is none', () => {
  for (const value of [null, 1, {}, { ...newCalibration(0), bins: [1] }]) {
    assert.equal(isCalibration(value), false)
  }
  assert.equal(isCalibration({ ...newCalibration(0), shift: -1 }), false)
})
