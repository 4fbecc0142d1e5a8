import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { quantileTuner } from '../threshold/quantile-tuner.ts'
import { stepTuner } from '../threshold/step-tuner.ts'
import { windowTuner } from '../threshold/window-tuner.ts'
import { IdentityTuner } from './identity-tuner.ts'

const FALSE_ALARM = { score: 1.1, isAttack: false, wasFlagged: true }
const MISS = { score: 0.8, isAttack: true, wasFlagged: false }

describe('IdentityTuner', () => {
  it('goes up with false alarms and down with misses, as far as it may', () => {
    const tuner = new IdentityTuner(stepTuner)
    assert.equal(tuner.limit, 1)
    for (let i = 0; i < 5; i++) tuner.learn(FALSE_ALARM)
    assert.ok(Math.abs(tuner.limit - 1.1) < 1e-9)
    for (let i = 0; i < 1000; i++) tuner.learn(FALSE_ALARM)
    assert.equal(tuner.limit, 2)
    for (let i = 0; i < 1000; i++) tuner.learn(MISS)
    assert.equal(tuner.limit, 0.7)
  })

  it('stays within bounds with every tuner, and goes on with what was kept', () => {
    for (const made of [
      () => new IdentityTuner(windowTuner),
      () => new IdentityTuner(quantileTuner),
    ]) {
      const tuner = made()
      for (let i = 0; i < 2000; i++) tuner.see(0.1 + (i % 10) / 50)
      assert.ok(tuner.limit >= 0.7 && tuner.limit <= 2)
    }
    const before = new IdentityTuner(stepTuner)
    before.learn(FALSE_ALARM)
    const after = new IdentityTuner(stepTuner, JSON.parse(JSON.stringify(before.state)))
    assert.equal(after.limit, before.limit)
  })
})
