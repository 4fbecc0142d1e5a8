import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { movePointer } from '../../../test/fixtures/synthetic-people.ts'
import { seededFraction } from '../../math/seeded-chance.ts'
import { readActions } from './pointer-actions.ts'
import { POINTER_FEATURES } from './pointer-features.ts'
import { learnSession, openPointerProfile } from './pointer-profile.ts'
import { fitPointerProfile, scoreSession, trainContrast } from './pointer-score.ts'

const session = (person: number, n: number, movements = 40) =>
  readActions(movePointer(person, n, movements))

function enrolled(person: number) {
  const profile = openPointerProfile()
  for (let n = 0; n < 12; n++) learnSession(profile, session(person, n), true, seededFraction(n))
  return profile
}

const profile = enrolled(1)

function deviation(fit: ReturnType<typeof fitPointerProfile>, person: number, n: number): number {
  const score = scoreSession(fit, session(person, n))
  assert.ok(score.kind === 'scored')
  return score.deviation
}

describe('scoreSession()', () => {
  it('is lower for the person than for others, alone', () => {
    const fit = fitPointerProfile(profile)
    const own = [20, 21, 22, 23].map((n) => deviation(fit, 1, n))
    for (const person of [2, 3, 4, 5, 6]) {
      assert.ok(deviation(fit, person, 0) > Math.max(...own), `${person}`)
    }
    // Of one distribution the statistic beyond chance is about 0.
    for (const score of own) assert.ok(Math.abs(score) < 0.01, `${score}`)
  })

  it('with other people known, tells strangers who are not among them', () => {
    const others = [11, 12, 13, 14, 15].map((person) => session(person, 0, 200))
    const fit = fitPointerProfile(profile, trainContrast(profile, others, seededFraction(1)))
    assert.equal(fit.scoredWith, 'background')
    for (const n of [20, 21, 22]) assert.ok(deviation(fit, 1, n) < -1)
    const strangers = [2, 3, 4, 5, 6].map((person) => deviation(fit, person, 0))
    assert.ok(
      strangers.every((score) => score > 0),
      `${strangers}`,
    )
  })

  it('names the feature that differs most, and which way', () => {
    const longClicks = movePointer(1, 30, 40).map((event) =>
      event.kind === 'release' ? { ...event, timeS: event.timeS + 0.1 } : event,
    )
    const { reasons } = scoreSession(fitPointerProfile(profile), readActions(longClicks))
    const [first] = reasons
    assert.ok(first !== undefined && reasons.length <= 3)
    assert.deepEqual([first.feature, first.direction], ['hold', 'higher'])
    // Beyond all that was seen: shares of 1 against (i + 1/2) / n give a third.
    assert.ok(first.distance > 0.25 && first.distance < 1 / 3)
  })

  it('is neutral while either side is too short', () => {
    const empty = scoreSession(fitPointerProfile(openPointerProfile()), session(1, 0))
    assert.deepEqual(empty, { kind: 'neutral', because: 'too-few-observations', reasons: [] })
    const short = scoreSession(fitPointerProfile(profile), session(1, 20).slice(0, 4))
    assert.ok(short.kind === 'neutral' && short.because === 'too-little-known')
  })

  it('takes missing features for no evidence, and a session of nothing else for unknown', () => {
    const fit = fitPointerProfile(profile)
    const actions = session(1, 20)
    const at = POINTER_FEATURES.indexOf('hold')
    for (const action of actions) action[at] = Number.NaN
    const score = scoreSession(fit, actions)
    assert.ok(score.kind === 'scored' && Math.abs(score.deviation) < 0.01)
    const nothing = actions.map((action) => action.map(() => Number.NaN))
    assert.equal(scoreSession(fit, nothing).kind, 'neutral')
  })
})
