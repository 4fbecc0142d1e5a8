import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CALIBRATION_DEFAULTS, newCalibration } from '../threshold/conformal.ts'
import { assess, onlyHelloReasons, type Surroundings } from './assess.ts'
import { newMishapCounts } from './mishaps.ts'
import { newProfile, type Profile } from './profile.ts'
import { newRateHistory } from './rate.ts'

const NOW = Date.UTC(2026, 10, 21)
const TIER2 = 3

function surroundings(changes: Partial<Surroundings> = {}): Surroundings {
  const calibrationOptions = { ...CALIBRATION_DEFAULTS, budget: 0.001, threshold: TIER2 }
  return {
    tier2: TIER2,
    calibration: newCalibration(NOW),
    calibrationOptions,
    mishaps: newMishapCounts(NOW),
    pauses: { hellos: 1000, paused: 0 },
    rate: newRateHistory(NOW),
    forest: undefined,
    prevalence: 1,
    ...changes,
  }
}

function profile(changes: Partial<Profile> = {}): Profile {
  const seen = { decision: 'd', at: NOW, profile: '00000000000000aa', lineage: false, own: '' }
  // A hello that could not be read makes a profile without features; its form is taken out for these tests.
  const made = newProfile({ ...seen, addressGroup: '192.0.2.0/24', error: 'closed' })
  return { ...made, form: '', ja4Stable: 't13d_aa_bb', ...changes }
}

describe('assess()', () => {
  it('says nothing of an ordinary client', () => {
    assert.deepEqual(assess(profile(), surroundings(), NOW), { score: 0, reasons: [], claimed: 0 })
  })

  it('takes nobody to tier 2 for what it is like, however rare it is and whatever it did a little of', () => {
    const rare = surroundings({ prevalence: 1e-6 })
    const changed = profile({ softwareChanges: 3 })
    const { score, reasons } = assess(changed, rare, NOW)
    assert.ok(score > 2 && score < TIER2, `${score}`)
    assert.deepEqual(
      reasons.map(({ detector }) => detector),
      ['rarity', 'profile'],
    )
    // A weak finding leaves less room for likeness rather than adding to it.
    const paused = { ...changed, counts: { ...changed.counts, hellos: 40, paused: 3 } }
    const around = surroundings({ prevalence: 1e-6, pauses: { hellos: 1000, paused: 20 } })
    const weak = assess(paused, around, NOW)
    assert.ok(weak.reasons.some(({ code, weight }) => code === 'hello-paused' && weight > 0))
    assert.ok(weak.score < TIER2, `${weak.score}`)
  })

  it('adds likeness to what passed the threshold by itself', () => {
    const flagged = profile({ flagged: 4, flaggedDigits: 8 })
    assert.equal(assess(flagged, surroundings(), NOW).score, 8)
    assert.equal(assess(flagged, surroundings({ prevalence: 1e-6 }), NOW).score, 9.5)
  })

  it('leaves a client alone that also sends ordinary hellos', () => {
    const imitated = profile({ flagged: 20, flaggedDigits: 8, unflagged: 9 })
    assert.equal(assess(imitated, surroundings(), NOW).score, 0)
  })

  it('calibrates what rests on assumptions, never what is exact', () => {
    const calibration = { ...newCalibration(NOW), shift: 2 }
    const flagged = profile({ flagged: 4, flaggedDigits: 8, softwareChanges: 1 })
    const { reasons, claimed } = assess(flagged, surroundings({ calibration }), NOW)
    assert.deepEqual([reasons[0]?.weight, claimed], [8, 1.125])
    assert.ok((reasons[1]?.weight ?? 9) < 1.125)
  })
})

describe('onlyHelloReasons()', () => {
  it('says of a client what was said of its only hello', () => {
    const [reason] = onlyHelloReasons(profile({ flagged: 1, flaggedDigits: 7 }))
    assert.deepEqual([reason?.weight, reason?.detector], [7, 'randomness'])
  })

  it('says nothing when there are more, or it was an ordinary one', () => {
    assert.deepEqual(onlyHelloReasons(profile()), [])
    assert.deepEqual(onlyHelloReasons(profile({ flagged: 2, flaggedDigits: 7 })), [])
    assert.deepEqual(onlyHelloReasons(profile({ flagged: 1, flaggedDigits: 7, unflagged: 1 })), [])
  })
})
