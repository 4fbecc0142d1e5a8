import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ELEVEN_KEYS, typeRepeatedly } from '../../../test/fixtures/synthetic-people.ts'
import {
  isTypingProfile,
  learn,
  learnGated,
  observationWeights,
  openProfile,
  type TypingProfile,
  timingsOf,
} from './typing-profile.ts'
import { fitProfile, scoreObservation } from './typing-score.ts'
import { fitSpread } from './typing-spread.ts'

/** At most two thirds of the weight of what was confirmed lie on either side of each centre. */
function assertWithinMiddleThird(confirmedOnly: TypingProfile, centre: Float64Array): void {
  const rows = confirmedOnly.confirmed.map(timingsOf)
  const weights = observationWeights({ ...confirmedOnly, unconfirmed: [] })
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  for (const [j, middle] of centre.entries()) {
    const weightOf = (isBeyond: (value: number) => boolean) =>
      rows.reduce((sum, row, i) => sum + (isBeyond(row[j] ?? 0) ? (weights[i] ?? 0) : 0), 0)
    assert.ok(weightOf((value) => value < middle) <= (2 / 3) * total + 1e-9)
    assert.ok(weightOf((value) => value > middle) <= (2 / 3) * total + 1e-9)
  }
}

describe('learn()', () => {
  it('keeps whole steps of ten microseconds; what is not finite is missing, what is huge is cut', () => {
    const profile = openProfile(['hold', 'press-press', 'release-press', 'hold'])
    learn(profile, Float64Array.of(0.123456, Number.NaN, -1e9, Number.POSITIVE_INFINITY), true)
    assert.deepEqual(profile.confirmed, [[12346, null, -6_000_000, null]])
    const [row = []] = profile.confirmed
    assert.deepEqual(timingsOf(row), Float64Array.of(0.12346, Number.NaN, -60, Number.NaN))
  })

  it('forgets the oldest: memory is bounded', () => {
    const profile = openProfile(['hold'])
    for (let i = 0; i < 1000; i++) {
      learn(profile, Float64Array.of(i / 1000), true)
      learn(profile, Float64Array.of(i / 1000), false)
    }
    assert.equal(profile.confirmed.length, 100)
    assert.equal(profile.unconfirmed.length, 33)
    assert.deepEqual(profile.confirmed.at(-1), [99_900])
  })

  it('refuses a row of another length', () => {
    assert.throws(() => learn(openProfile(['hold']), Float64Array.of(1, 2), true), RangeError)
  })
})

describe('observationWeights()', () => {
  it('by hand: half per twenty, and unconfirmed ones a quarter of all at most', () => {
    const profile = openProfile(['hold'])
    for (let i = 0; i < 41; i++) learn(profile, Float64Array.of(0.1), true)
    let weights = observationWeights(profile)
    assert.deepEqual([weights[40], weights[20], weights[0]], [1, 0.5, 0.25])
    for (let i = 0; i < 500; i++) learn(profile, Float64Array.of(0.1), false)
    weights = observationWeights(profile)
    const sum = (part: Float64Array) => part.reduce((total, weight) => total + weight, 0)
    assert.ok(Math.abs(sum(weights.subarray(41)) / sum(weights) - 0.25) < 1e-12)
    assert.equal(weights[40], 1)
  })

  it('lets nobody weigh who came before anything was confirmed', () => {
    const profile = openProfile(['hold'])
    learn(profile, Float64Array.of(0.1), false)
    assert.deepEqual(observationWeights(profile), Float64Array.of(0))
  })

  it('bounds the centre by the middle third of the confirmed, whatever is slipped in, however often', () => {
    const values = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(values, values, fc.integer({ min: 1, max: 9 }), (confirmed, slipped, times) => {
        const profile = openProfile(['hold'])
        for (const value of confirmed) learn(profile, Float64Array.of(value / 1000), true)
        const alone = { ...profile, unconfirmed: [] }
        for (let i = 0; i < times; i++) {
          for (const value of slipped) learn(profile, Float64Array.of(value / 1000), false)
        }
        const all = [...profile.confirmed, ...profile.unconfirmed].map(timingsOf)
        const { centre } = fitSpread(['hold'], all, observationWeights(profile))
        assertWithinMiddleThird(alone, centre)
      }),
      { seed: 20261122 },
    )
  })
})

describe('learnGated()', () => {
  /** A person who enrolled and then came a hundred times with a second factor. */
  function known() {
    const profile = openProfile(ELEVEN_KEYS)
    for (const row of typeRepeatedly(1, 120)) {
      learnGated(profile, scoreObservation(fitProfile(profile), row), row, true)
    }
    return profile
  }

  it('learns the person and keeps strangers out', () => {
    const profile = known()
    const fit = fitProfile(profile)
    const learned = (rows: Float64Array[]) =>
      rows.filter((row) =>
        learnGated(structuredClone(profile), scoreObservation(fit, row), row, false),
      ).length
    assert.ok(learned(typeRepeatedly(1, 220).slice(120)) > 60)
    for (let seed = 2; seed < 12; seed++) assert.equal(learned(typeRepeatedly(seed, 20)), 0)
  })

  it('cannot be led away: 150 steps towards a stranger, each as far as is learned, end within the bound', () => {
    const profile = known()
    const before = structuredClone(profile)
    const target = typeRepeatedly(2, 200)[199] ?? new Float64Array()
    let taken = 0
    for (let step = 0; step < 150; step++) {
      const fit = fitProfile(profile)
      // The farthest of ten steps from the centre to the stranger that is still learned.
      for (let share = 10; share > 0; share--) {
        const row = target.map((to, j) => {
          const from = fit.spread.centre[j] ?? 0
          return from + (share / 10) * (to - from)
        })
        if (learnGated(profile, scoreObservation(fit, row), row, false)) {
          taken++
          break
        }
      }
    }
    assert.ok(taken > 30, `the attack must be one: ${taken}`)
    assert.deepEqual(profile.confirmed, before.confirmed)
    assert.deepEqual(profile.own, before.own)
    assertWithinMiddleThird(before, fitProfile(profile).spread.centre)
    // And the stranger is as strange as before.
    const score = scoreObservation(fitProfile(profile), target)
    assert.ok(score.kind === 'scored' && score.pValue === 1 / (profile.own.recent.length + 1))
  })
})

describe('isTypingProfile()', () => {
  it('takes what was stored', () => {
    const profile = openProfile(ELEVEN_KEYS)
    for (const row of typeRepeatedly(1, 150)) learn(profile, row, true)
    learn(profile, new Float64Array(31).fill(Number.NaN), false)
    const stored: unknown = JSON.parse(JSON.stringify(profile))
    assert.ok(isTypingProfile(stored))
    assert.deepEqual(stored, profile)
  })

  it('refuses what is none', () => {
    const good = { ...openProfile(['hold']), confirmed: [[1]] }
    assert.ok(isTypingProfile(good))
    for (const value of [
      null,
      7,
      {},
      { ...good, kinds: [] },
      { ...good, kinds: ['wheel'] },
      { ...good, kinds: new Array(1024).fill('hold') },
      { ...good, confirmed: [[1, 2]] },
      { ...good, confirmed: [[0.5]] },
      { ...good, confirmed: [['1']] },
      { ...good, confirmed: [[6_000_001]] },
      { ...good, confirmed: new Array(101).fill([1]) },
      { ...good, unconfirmed: new Array(34).fill([1]) },
      { ...good, own: { recent: [] } },
    ]) {
      assert.equal(isTypingProfile(value), false)
    }
  })

  it('never throws, and what it takes can be scored', () => {
    const near = fc.record({
      kinds: fc.array(fc.constantFrom('hold', 'press-press', 'release-press', 'x'), {
        maxLength: 3,
      }),
      confirmed: fc.array(fc.array(fc.oneof(fc.integer(), fc.constant(null)), { maxLength: 3 })),
      unconfirmed: fc.array(fc.array(fc.integer(), { maxLength: 3 })),
      own: fc.record({ recent: fc.array(fc.double()), scoredWith: fc.constant('own') }),
    })
    fc.assert(
      fc.property(fc.oneof(fc.anything(), near), (value) => {
        if (!isTypingProfile(value)) return
        scoreObservation(fitProfile(value), new Float64Array(value.kinds.length).fill(0.1))
      }),
      { seed: 71, numRuns: 2000 },
    )
  })
})
