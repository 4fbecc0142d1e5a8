import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawExponential, seededFraction } from '../../math/seeded-chance.ts'
import { learnLaw, limitOf, worstOf, zScores } from './feature-law.ts'

const FEATURES = [
  { name: 'a', floor: 0.1 },
  { name: 'b', floor: 3 },
]

describe('learnLaw()', () => {
  it('has medians, median deviations as standard deviations, and floors', () => {
    const windows = Array.from({ length: 9 }, (_, i) => [i, i / 10])
    const { middles, spreads } = learnLaw(FEATURES, windows)
    assert.deepEqual(middles, [4, 0.4])
    assert.deepEqual(spreads, [2 * 1.4826, 3])
  })

  it('says nothing of what was seldom there', () => {
    const windows = Array.from({ length: 8 }, (_, i) => [i, i < 5 ? Number.NaN : 1])
    const law = learnLaw(FEATURES, windows)
    assert.deepEqual(law.middles, [3.5, null])
    assert.deepEqual(zScores(law, [Number.NaN, 1e9]), [0, 0])
    assert.deepEqual(worstOf(zScores(law, [3.5 - 3 * (law.spreads[0] ?? 0), 0])), { at: 0, z: 3 })
  })
})

describe('limitOf()', () => {
  it('is reached by one window in as many, where tails are exponential', () => {
    const fraction = seededFraction(9)
    // Both sides of 0: |z| is exponential.
    const draw = () => [drawExponential(fraction, 1) * (fraction() < 0.5 ? 1 : -1), 0]
    const law = learnLaw(FEATURES, Array.from({ length: 4000 }, draw))
    const limit = limitOf(law, 1000)
    let above = 0
    for (let i = 0; i < 200_000; i++) if (worstOf(zScores(law, draw())).z >= limit) above++
    assert.ok(above > 100 && above < 400, `${above} of 200 expected`)
  })

  it('grows with the logarithm of the windows', () => {
    const law = { middles: [], spreads: [], tail: { from: 2, mean: 0.5 } }
    assert.equal(limitOf(law, 5 * Math.E ** 4), 4)
  })
})
