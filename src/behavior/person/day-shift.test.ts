import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawNormal, seededFraction } from '../../math/seeded-chance.ts'
import { DayShift } from './day-shift.ts'

const near = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) < 1e-3, `${value}, not ${expected}`)

describe('DayShift', () => {
  it('begins with the tail of Student’s t of five degrees, a day’s shift included', () => {
    // Tables: P(T >= 2.015) = 0.05, P(T >= 3.365) = 0.01.
    const spread = Math.sqrt(1 + 0.15 ** 2)
    near(new DayShift().pValue(0, 1e6), 0.5)
    near(new DayShift().pValue(2.015 * spread, 1e6), 0.05)
    near(new DayShift().pValue(-2.015 * spread, 1e6), 0.95)
    near(new DayShift().pValue(3.365 * spread, 1e6), 0.01)
  })

  it('is never rarer than one of the scores compared with and itself', () => {
    assert.equal(new DayShift().pValue(1e9, 49), 1 / 50)
  })

  it('expects of a day what it has shown: of the same shift, p-values rise to usual ones', () => {
    const shift = new DayShift()
    const pValues = Array.from({ length: 400 }, () => shift.pValue(2, 1e6))
    assert.ok(pValues.every((p, i) => i === 0 || p > (pValues[i - 1] ?? 1)))
    assert.ok((pValues[0] ?? 1) < 0.06 && (pValues.at(-1) ?? 0) > 0.35, `${pValues.at(-1)}`)
  })

  it('sees somebody else who comes late', () => {
    const shift = new DayShift()
    for (let i = 0; i < 50; i++) shift.pValue(0, 1e6)
    assert.ok(shift.pValue(4, 1e6) < 0.01)
  })

  it('keeps its word on days that differ as the model says, with tails to spare', () => {
    const fraction = seededFraction(1)
    let low = 0
    for (let day = 0; day < 200; day++) {
      const [of, shift] = [0.15 * drawNormal(fraction), new DayShift()]
      for (let i = 0; i < 50; i++) if (shift.pValue(of + drawNormal(fraction), 1e6) <= 0.05) low++
    }
    // A twentieth at most; a fiftieth of normal values is beyond the twentieth of Student's.
    assert.ok(low > 150 && low <= 500, `${low} of 10000`)
  })
})
