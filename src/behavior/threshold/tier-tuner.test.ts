import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../../math/seeded-chance.ts'
import { TierTuner, TUNER_NAMES } from './tier-tuner.ts'

const START = { tier2: 3, tier3: 5 }
const BUDGET = 0.01

describe('TierTuner', () => {
  for (const name of TUNER_NAMES) {
    it(`${name}: no word moves a threshold by more than two digits`, () => {
      const [up, down] = [new TierTuner(name, START, BUDGET), new TierTuner(name, START, BUDGET)]
      const chance = seededFraction(7)
      for (let i = 0; i < 5000; i++) {
        const score = -Math.log10(1 - chance())
        up.see(score + 6)
        up.learn(9, 3, false)
        down.see(score / 10)
        down.learn(0.1, 1, true)
      }
      const [high, low] = [up.thresholds, down.thresholds]
      assert.ok(high.tier2 <= 5 && high.tier3 <= 7, JSON.stringify(high))
      assert.ok(low.tier2 >= 1 && low.tier3 >= 3, JSON.stringify(low))
      assert.ok(low.tier2 <= low.tier3 && high.tier2 <= high.tier3)
      assert.ok(high.tier2 > START.tier2, `false alarms raise it: ${high.tier2}`)
      assert.ok(low.tier2 < high.tier2, 'misses do not')
    })

    it(`${name}: goes on with what was stored, of the same rule and begin only`, () => {
      const first = new TierTuner(name, START, BUDGET)
      const chance = seededFraction(3)
      for (let i = 0; i < 1000; i++) {
        first.see(6 * chance())
        if (i % 7 === 0) first.learn(6 * chance(), 2, i % 2 === 0)
      }
      const kept = JSON.parse(JSON.stringify(first.state)) as typeof first.state
      assert.deepEqual(new TierTuner(name, START, BUDGET, kept).thresholds, first.thresholds)
      const other = new TierTuner(name, { tier2: 2, tier3: 5 }, BUDGET, kept)
      assert.deepEqual(other.thresholds, { tier2: 2, tier3: 5 })
    })
  }

  it('step: one false alarm raises the threshold it passed, a miss lowers the other', () => {
    const tuner = new TierTuner('step', START, BUDGET)
    tuner.learn(4, 2, false)
    assert.deepEqual(tuner.thresholds, { tier2: 3.02, tier3: 5 })
    tuner.learn(4, 2, true)
    assert.deepEqual(tuner.thresholds, { tier2: 3.02, tier3: 4.99 })
  })
})
