import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ELEVEN_KEYS, typeRepeatedly } from '../../../test/fixtures/synthetic-people.ts'
import { drawBackground } from './typing-background.ts'
import { hindsightScores } from './typing-hindsight.ts'
import { learn, openProfile } from './typing-profile.ts'
import { fitProfile, scoreObservation } from './typing-score.ts'

function profileOf(seed: number, repetitions: number) {
  const profile = openProfile(ELEVEN_KEYS)
  for (const row of typeRepeatedly(seed, repetitions)) learn(profile, row, true)
  return profile
}

describe('hindsightScores()', () => {
  const background = drawBackground([2, 3, 4, 5].map((seed) => typeRepeatedly(seed, 60)))

  it('scores each observation by those before it, and none of the first ten', () => {
    assert.deepEqual(hindsightScores(profileOf(1, 10), background), [])
    const scores = hindsightScores(profileOf(1, 60), background)
    assert.equal(scores.length, 50)
    // The first of them, by the ten that came before.
    const fit = fitProfile(profileOf(1, 10), background)
    const verdict = scoreObservation(fit, typeRepeatedly(1, 11)[10] ?? new Float64Array())
    assert.ok(verdict.kind === 'scored')
    assert.ok(Math.abs(verdict.deviation - (scores[0] ?? 0)) < 1e-3)
  })

  it('does not know what nobody vouched for', () => {
    const profile = profileOf(1, 60)
    const before = hindsightScores(profile, undefined)
    for (const row of typeRepeatedly(9, 30)) learn(profile, row, false)
    assert.deepEqual(hindsightScores(profile, undefined), before)
  })

  it('tells the person’s next repetitions from another’s', () => {
    const profile = profileOf(1, 100)
    const scores = Float64Array.from(hindsightScores(profile, background)).sort()
    const fit = fitProfile(profile, background)
    const above = (rows: readonly Float64Array[], bound: number) =>
      rows.filter((row) => {
        const verdict = scoreObservation(fit, row)
        return verdict.kind === 'scored' && verdict.deviation > bound
      }).length / rows.length
    const most = scores.at(-1) ?? 0
    assert.ok(above(typeRepeatedly(1, 200).slice(100), most) < 0.1)
    assert.ok(above(typeRepeatedly(77, 100), most) > 0.9)
  })
})
