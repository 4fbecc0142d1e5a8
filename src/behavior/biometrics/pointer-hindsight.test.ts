import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { movePointer } from '../../../test/fixtures/synthetic-people.ts'
import { seededFraction } from '../../math/seeded-chance.ts'
import { readActions } from './pointer-actions.ts'
import { POINTER_FEATURES } from './pointer-features.ts'
import { pointerHindsight } from './pointer-hindsight.ts'
import { learnSession, openPointerProfile } from './pointer-profile.ts'
import { fitPointerProfile, scoreSession } from './pointer-score.ts'

const session = (person: number, n: number) => readActions(movePointer(person, n, 60))
const fraction = seededFraction(1)
const profile = openPointerProfile()
for (let n = 0; n < 6; n++) learnSession(profile, session(1, n), true, fraction)
const others = Array.from({ length: 8 }, (_, i) => session(i + 2, 0)).flat()

describe('pointerHindsight()', () => {
  it('scores each window by those before it, in the measure that holds now', () => {
    const scores = pointerHindsight(profile, POINTER_FEATURES, others)
    const { rows } = profile.confirmed
    const windows = (from: number, to: number) =>
      Math.floor((Math.min(to, rows.length) - from) / 20)
    assert.equal(scores.length, windows(100, 300) + windows(300, rows.length))
    // Somebody else, by all of it, is stranger than the person ever was.
    const fit = fitPointerProfile(profile, undefined, POINTER_FEATURES, others)
    const verdict = scoreSession(fit, session(40, 1))
    assert.ok(verdict.kind === 'scored' && verdict.deviation > Math.max(...scores))
    assert.notDeepEqual(scores, pointerHindsight(profile, POINTER_FEATURES, undefined))
  })

  it('knows nothing of a sample that has lost its order', () => {
    const sampled = { ...profile, confirmed: { ...profile.confirmed, seen: 10_000 } }
    assert.deepEqual(pointerHindsight(sampled, POINTER_FEATURES, others), [])
  })
})
