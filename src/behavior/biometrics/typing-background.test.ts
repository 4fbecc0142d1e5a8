import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawNormal, seededFraction } from '../../math/seeded-chance.ts'
import { contrastDeviation, drawBackground, fitContrast } from './typing-background.ts'
import { expectedZ, fitSpread } from './typing-spread.ts'

describe('drawBackground()', () => {
  const person = (value: number) => Array.from({ length: 62 }, (_, i) => Float64Array.of(value, i))

  it('takes the first six of each and eight from all over the rest', () => {
    const { rows } = drawBackground([person(1), person(2)])
    assert.deepEqual(
      rows.slice(0, 14).map((row) => row[1]),
      [0, 1, 2, 3, 4, 5, 6, 13, 20, 27, 34, 41, 48, 55],
    )
    assert.equal(rows.length, 28)
  })

  it('is bounded, however many people there are, and takes what few observations there are', () => {
    const many = Array.from({ length: 1000 }, (_, i) => person(i))
    assert.equal(drawBackground(many).rows.length, 120)
    assert.equal(drawBackground([[Float64Array.of(1)], []]).rows.length, 1)
    assert.equal(drawBackground([]).rows.length, 0)
  })
})

describe('fitContrast()', () => {
  it('finds the column that tells the person from the others', () => {
    const fraction = seededFraction(1)
    // Everybody holds the first key alike; the second one longer by the person alone.
    const draw = (second: number) =>
      Array.from({ length: 60 }, () =>
        Float64Array.of(0.1 + 0.01 * drawNormal(fraction), second + 0.01 * drawNormal(fraction)),
      )
    const own = draw(0.2)
    const spread = fitSpread(['hold', 'hold'], own, new Float64Array(60).fill(1))
    const contrast = fitContrast(spread, own, { rows: draw(0.15) })
    const deviation = (...timings: number[]) =>
      contrastDeviation(contrast, expectedZ(spread, Float64Array.from(timings)))
    assert.ok(deviation(0.1, 0.15) > 0.4)
    assert.ok(deviation(0.1, 0.2) < -0.4)
    // The first column says nothing, and a missing one as little.
    assert.ok(Math.abs(deviation(0.12, 0.2) - deviation(0.1, 0.2)) < 0.4)
    assert.ok(deviation(Number.NaN, 0.15) > 0.4)
    assert.ok(Math.abs(deviation(Number.NaN, Number.NaN)) < 0.5)
  })
})
