import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { movePointer } from '../../../test/fixtures/synthetic-people.ts'
import { seededFraction } from '../../math/seeded-chance.ts'
import { readActions } from './pointer-actions.ts'
import { POINTER_FEATURES } from './pointer-features.ts'
import {
  isPointerProfile,
  learnSession,
  learnSessionGated,
  openPointerProfile,
  profileActions,
} from './pointer-profile.ts'
import { fitPointerProfile, scoreSession } from './pointer-score.ts'

const session = (person: number, n: number) => readActions(movePointer(person, n, 40))

/** A person who enrolled, and then came with a second factor. */
function known() {
  const profile = openPointerProfile()
  const fraction = seededFraction(1)
  for (let n = 0; n < 4; n++) learnSession(profile, session(1, n), true, fraction)
  for (let n = 4; n < 20; n++) {
    const actions = session(1, n)
    const verdict = scoreSession(fitPointerProfile(profile), actions)
    learnSessionGated(profile, verdict, actions, true, fraction)
  }
  return profile
}

const profile = known()

describe('learnSession()', () => {
  it('keeps a sample of a bounded size in which newer actions are likelier', () => {
    const long = openPointerProfile()
    const fraction = seededFraction(3)
    const width = POINTER_FEATURES.length
    for (let n = 0; n < 30_000; n++) {
      learnSession(long, [new Float64Array(width).fill(n)], true, fraction)
    }
    assert.equal(long.confirmed.rows.length, 1000)
    const share = (from: number, to: number) =>
      long.confirmed.rows.filter(([n]) => Number(n) >= from && Number(n) < to).length / 1000
    // One in ten is taken: of the last 10 000 a share of 1 - 1/e is left, of those before 1/e of it.
    assert.ok(Math.abs(share(20_000, 30_000) - (1 - Math.exp(-1))) < 0.06)
    assert.ok(Math.abs(share(10_000, 20_000) - (1 - Math.exp(-1)) * Math.exp(-1)) < 0.06)
  })

  it('lets unconfirmed sessions be a quarter at most, and none before the first confirmed one', () => {
    const fraction = seededFraction(4)
    const fresh = openPointerProfile()
    for (let n = 0; n < 9; n++) learnSession(fresh, session(2, n), false, fraction)
    assert.equal(profileActions(fresh).length, 0)
    const attacked = structuredClone(profile)
    for (let n = 0; n < 50; n++) learnSession(attacked, session(2, n), false, fraction)
    assert.deepEqual(attacked.confirmed, profile.confirmed)
    assert.ok(attacked.unconfirmed.rows.length <= profileActions(attacked).length / 4)
    // The stranger stays strange.
    const fit = fitPointerProfile(attacked)
    const [stranger, person] = [
      scoreSession(fit, session(2, 99)),
      scoreSession(fit, session(1, 99)),
    ]
    assert.ok(stranger.kind === 'scored' && person.kind === 'scored')
    assert.ok(stranger.deviation > person.deviation)
  })

  it('refuses what is no row of features', () => {
    const learn = (actions: readonly Float64Array[]) =>
      learnSession(profile, actions, true, () => 0)
    assert.throws(() => learn([Float64Array.of(1)]), RangeError)
  })
})

describe('learnSessionGated()', () => {
  it('learns most sessions of the person unconfirmed, none of others, and lets only confirmed ones move the bound', () => {
    const fit = fitPointerProfile(profile)
    const learned = (person: number) =>
      Array.from({ length: 10 }, (_, n) => {
        const copy = structuredClone(profile)
        const actions = session(person, 50 + n)
        const taken = learnSessionGated(copy, scoreSession(fit, actions), actions, false, () => 0.5)
        assert.deepEqual(copy.own, profile.own)
        return taken
      }).filter((taken) => taken).length
    assert.ok(learned(1) >= 5)
    for (const person of [2, 3, 4]) assert.equal(learned(person), 0)
  })
})

describe('isPointerProfile()', () => {
  it('takes what was stored, and refuses what is none', () => {
    const stored: unknown = JSON.parse(JSON.stringify(profile))
    assert.ok(isPointerProfile(stored, POINTER_FEATURES.length))
    assert.deepEqual(stored, profile)
    assert.equal(isPointerProfile(stored, POINTER_FEATURES.length - 1), false)
    for (const value of [
      null,
      {},
      { ...profile, own: {} },
      { ...profile, confirmed: { seen: 1, rows: [[1]] } },
      { ...profile, confirmed: { seen: 0, rows: profile.confirmed.rows } },
      { ...profile, unconfirmed: { seen: 0.5, rows: [] } },
    ]) {
      assert.equal(isPointerProfile(value, POINTER_FEATURES.length), false)
    }
  })
})
