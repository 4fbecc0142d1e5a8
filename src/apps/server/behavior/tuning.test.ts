import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newCalibration } from '../../../behavior/threshold/conformal.ts'
import { TierTuner, TUNER_NAMES } from '../../../behavior/threshold/tier-tuner.ts'
import type { Tier } from '../../../behavior/tier.ts'
import { CONFIG_DEFAULTS } from '../config/defaults.ts'
import { type BehaviorTuning, peopleSettings, readState, writeState } from './tuning.ts'

const { thresholds, tier2, tier3, falsePositiveBudget, enrol } = CONFIG_DEFAULTS.behavior
const TUNING: BehaviorTuning = {
  ...{ mode: 'shadow', thresholds, tier2, tier3, falsePositiveBudget, enrol },
}
const STATE = {
  calibration: newCalibration(1_795_000_000_000),
  inForce: { tuning: { ...TUNING, tier2: 4 }, version: 2 },
  configured: TUNING,
}

describe('readState()', () => {
  it('reads what was written', () => {
    assert.deepEqual(readState(writeState(STATE)), STATE)
  })

  for (const name of TUNER_NAMES) {
    it(`reads what the rule ${name} has learned, and no other state for it`, () => {
      const tuner = new TierTuner(name, { tier2: 3, tier3: 5 }, 0.01)
      for (let i = 0; i < 2000; i++) {
        tuner.see((i * 7) % 6)
        if (i % 5 === 0) tuner.learn((i * 3) % 6, ((i % 3) + 1) as Tier, i % 2 === 0)
      }
      const state = { ...STATE, tuning: tuner.state }
      assert.deepEqual(readState(writeState(state)), JSON.parse(JSON.stringify(state)))
      for (const tier2 of [undefined, {}, { threshold: null }, { threshold: 3, more: 1 }]) {
        const other = { ...state, tuning: { ...tuner.state, tier2 } }
        assert.equal(readState(writeState(other)), undefined)
      }
    })
  }

  it('reads nothing else', () => {
    const written = JSON.parse(writeState(STATE)) as Record<string, unknown>
    const changes = [{ format: 2 }, { calibration: {} }, { inForce: {} }, { more: 1 }]
    for (const change of [...changes, { configured: { ...TUNING, tier2: 0 } }]) {
      assert.equal(readState(JSON.stringify({ ...written, ...change })), undefined)
    }
    assert.equal(readState('{'), undefined)
  })
})

it('peopleSettings() counts in milliseconds', () => {
  const { sessionMs, tuning } = peopleSettings(TUNING, 1800)
  assert.deepEqual([sessionMs, tuning], [1_800_000, 'adaptive'])
})
