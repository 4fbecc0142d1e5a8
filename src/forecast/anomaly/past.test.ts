import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { hourDistance, PAST, remember, SHAPE, shapeDistance, startPast } from './past.ts'

const HOUR_MS = 3_600_000

/** The definition, without sliding sums. */
function plainShapeDistance(values: readonly number[]): number {
  const kept = values.slice(-PAST)
  const newest = kept.slice(-SHAPE)
  const squared: number[] = []
  for (let lag = SHAPE; lag < PAST - SHAPE && kept.length - lag - SHAPE >= 0; lag++) {
    const from = kept.length - lag - SHAPE
    const other = kept.slice(from, from + SHAPE)
    squared.push(other.reduce((sum, value, i) => sum + (value - (newest[i] ?? 0)) ** 2, 0))
  }
  return Math.sqrt(squared.sort((a, b) => a - b)[4] ?? Number.NaN)
}

describe('shapeDistance()', () => {
  it('is the distance to the fifth nearest shape, as the definition has it', () => {
    const random = seededRandom(1)
    const past = startPast()
    const values: number[] = []
    for (let i = 0; i < 5000; i++) {
      // A level far off for a while: what rounding leaves of it must not stay.
      const value = random.fraction() + (i > 1000 && i < 1100 ? 1e6 : 0)
      values.push(value)
      remember(past, value, i)
      if (![60, 100, 999, 2047, 2100, 4999].includes(i)) continue
      const [got, wanted] = [shapeDistance(past) ?? Number.NaN, plainShapeDistance(values)]
      const rounding = i > 1000 && i < 1100 + 2 * PAST ? 0.01 : 1e-9
      assert.ok(Math.abs(got - wanted) < rounding * wanted, `${i}: ${got}, not ${wanted}`)
    }
  })

  it('is undefined while there are not five shapes apart from the newest', () => {
    const past = startPast()
    for (let i = 0; i < 2 * SHAPE + 4; i++) remember(past, i, i)
    assert.equal(shapeDistance(past), undefined)
    remember(past, 0, 0)
    assert.ok((shapeDistance(past) ?? 0) > 0)
  })
})

describe('hourDistance()', () => {
  it('compares with the same hour of other days, before and after', () => {
    const past = startPast()
    for (let hour = 0; hour < 96; hour++) remember(past, hour % 24, hour * HOUR_MS)
    // Eight o'clock of the fifth day: 7, 8 and 9 four times each.
    assert.equal(hourDistance(past, 8, 104 * HOUR_MS), 0)
    assert.equal(hourDistance(past, 20, 104 * HOUR_MS), 11)
    assert.equal(hourDistance(past, 8, (104 - 48) * HOUR_MS), 0)
  })

  it('is undefined within the first day', () => {
    const past = startPast()
    assert.equal(hourDistance(past, 1, 0), undefined)
    for (let hour = 0; hour < 23; hour++) remember(past, 1, hour * HOUR_MS)
    assert.equal(hourDistance(past, 1, 22 * HOUR_MS), undefined)
  })
})
