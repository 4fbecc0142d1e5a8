import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../../math/seeded-chance.ts'
import {
  conformalP,
  isOwnScores,
  mayLearn,
  newOwnScores,
  ownScale,
  ownThreshold,
  recordScore,
  type Verdict,
} from './own-scores.ts'

const scored = (deviation: number, scoredWith: 'own' | 'background' = 'own') => {
  return { kind: 'scored', deviation, pValue: 1, scoredWith } as const satisfies Verdict
}
const nineteen = Array.from({ length: 19 }, (_, i) => i + 1)

describe('conformalP()', () => {
  it('by hand: of 19 own scores 4 are at least 16, so 5 of 20', () => {
    assert.equal(conformalP(nineteen, 16), 5 / 20)
    assert.equal(conformalP(nineteen, 100), 1 / 20)
    assert.equal(conformalP(nineteen, 0), 1)
  })

  it('takes everything for usual while too few are known', () => {
    assert.equal(conformalP(nineteen.slice(0, 9), 1e9), 1)
  })

  it('keeps its word: at most a tenth of honest scores have p <= 0.1', () => {
    const fraction = seededFraction(1)
    let low = 0
    for (let i = 0; i < 5000; i++) {
      const own = Array.from({ length: 30 }, fraction)
      if (conformalP(own, fraction()) <= 0.1) low++
    }
    // Three standard deviations of a binomial of 5000 are 64.
    assert.ok(low <= 500 + 64, `${low}`)
    assert.ok(low >= 350, `${low}`)
  })
})

describe('ownScale()', () => {
  it('by hand: of 1 to 19 the median is 10, and a tenth is above 17.2', () => {
    const { count, middle, spread } = ownScale(nineteen) ?? { count: 0, middle: 0, spread: 0 }
    assert.deepEqual([count, middle], [19, 10])
    assert.ok(Math.abs(spread - 7.2 / 1.2816) < 1e-9, `${spread}`)
  })

  it('is none while too few are known, and never no spread at all', () => {
    assert.equal(ownScale(nineteen.slice(0, 9)), undefined)
    assert.ok((ownScale(new Array(20).fill(3))?.spread ?? 0) > 0)
  })
})

describe('ownThreshold()', () => {
  it('by hand: four fifths of 19 and the next one is the 16th', () => {
    assert.equal(ownThreshold(nineteen, 0.8), 16)
  })

  it('is infinite while too few are known, or the level is beyond what they tell', () => {
    assert.equal(ownThreshold(nineteen.slice(0, 9), 0.8), Number.POSITIVE_INFINITY)
    assert.equal(ownThreshold(nineteen, 0.99), Number.POSITIVE_INFINITY)
  })

  it('moves with the person', () => {
    const own = newOwnScores()
    for (const score of nineteen) recordScore(own, scored(score))
    for (let i = 0; i < 99; i++) recordScore(own, scored(3))
    assert.equal(ownThreshold(own.recent, 0.8), 3)
  })
})

describe('mayLearn()', () => {
  const own = { recent: nineteen, scoredWith: 'own' as const }

  it('takes what is well inside, confirmed or not, and nothing else', () => {
    for (const confirmed of [true, false]) {
      assert.equal(mayLearn(own, scored(16), confirmed), true)
      assert.equal(mayLearn(own, scored(16.1), confirmed), false)
    }
  })

  it('asks for confirmation while there is no bound, or one of another measure', () => {
    for (const confirmed of [true, false]) {
      assert.equal(mayLearn(newOwnScores(), scored(0), confirmed), confirmed)
      assert.equal(mayLearn(own, scored(0, 'background'), confirmed), confirmed)
      const cold = { kind: 'neutral', because: 'too-few-observations' } as const
      assert.equal(mayLearn(own, cold, confirmed), confirmed)
    }
  })

  it('never takes what could not be judged', () => {
    assert.equal(mayLearn(own, { kind: 'neutral', because: 'too-little-known' }, true), false)
  })

  it('opens for a person who changed once a fifth of the own scores say so', () => {
    const changing = { recent: [...nineteen], scoredWith: 'own' as const }
    let needed = 0
    while (!mayLearn(changing, scored(50), true)) {
      recordScore(changing, scored(50))
      needed++
    }
    // 4 of 23, and the next one: 5 of 24.
    assert.equal(needed, 4)
  })
})

it('recordScore() keeps 99, and begins anew with another measure', () => {
  const own = newOwnScores()
  for (let i = 0; i < 150; i++) recordScore(own, scored(i))
  assert.equal(own.recent.length, 99)
  assert.equal(own.recent[0], 51)
  recordScore(own, scored(7, 'background'))
  assert.deepEqual(own, { recent: [7], scoredWith: 'background' })
})

it('isOwnScores() takes what was stored, and refuses what is none', () => {
  assert.ok(isOwnScores(JSON.parse(JSON.stringify({ recent: [1, -2.5], scoredWith: 'own' }))))
  for (const value of [
    null,
    [],
    { recent: [1] },
    { recent: [null], scoredWith: 'own' },
    { recent: [], scoredWith: 'other' },
    { recent: new Array(100).fill(0), scoredWith: 'own' },
  ]) {
    assert.equal(isOwnScores(value), false)
  }
})
