import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import {
  ERRORS_KEPT,
  type IntervalState,
  learnError,
  lineAt,
  openInterval,
  quantilesOf,
  RATE,
} from './interval.ts'

/** Shares at or below each line, when `actualAt(t)` comes after forecasts of 100. */
function shares(state: IntervalState, steps: number, actualAt: (t: number) => number) {
  const hits = state.levels.map(() => 0)
  for (let t = 0; t < steps; t++) {
    const lines = quantilesOf(state).map((quantile) => lineAt(100, quantile))
    const actual = actualAt(t)
    lines.forEach((line, i) => {
      if (actual <= line) hits[i] = (hits[i] ?? 0) + 1
    })
    learnError(state, 100, lines, actual)
  }
  return hits.map((count) => count / steps)
}

describe('intervals', () => {
  it('cover what they promise of steady noise, and end where its quantiles are', () => {
    const random = seededRandom(1)
    const state = openInterval([0.05, 0.95])
    const [low = 0, high = 0] = shares(state, 20_000, () => 50 + 100 * random.fraction())
    assert.ok(Math.abs(low - 0.05) < 0.01 && Math.abs(high - 0.95) < 0.01, `${low} ${high}`)
    const lines = quantilesOf(state).map((quantile) => lineAt(100, quantile))
    assert.ok(Math.abs((lines[0] ?? 0) - 55) < 4 && Math.abs((lines[1] ?? 0) - 145) < 4)
  })

  it('cover it too while errors drift, grow and jump: the bound of the paper', () => {
    const random = seededRandom(2)
    const steps = 20_000
    const drifting = (t: number) =>
      (100 + t / 50) * (0.5 + random.fraction() ** (1 + t / 5000)) * (t > 12_000 ? 3 : 1)
    const found = shares(openInterval([0.05, 0.95]), steps, drifting)
    const bound = (1 + RATE) / (RATE * steps)
    assert.ok(Math.abs((found[0] ?? 0) - 0.05) <= bound + 0.001, `${found}`)
    assert.ok(Math.abs((found[1] ?? 0) - 0.95) <= bound + 0.001, `${found}`)
  })

  it('keep the last errors in order', () => {
    const random = seededRandom(3)
    const state = openInterval([0.5])
    for (let t = 0; t < ERRORS_KEPT + 500; t++) learnError(state, 10, [10], 20 * random.fraction())
    assert.deepEqual(
      [...state.sorted],
      [...state.ring].sort((a, b) => a - b),
    )
  })

  it('do not cross, and are never below zero', () => {
    const state = openInterval([0.05, 0.95])
    state.ranks[0] = 0.99
    learnError(state, 10, [0, 20], 5)
    learnError(state, 10, [0, 20], 15)
    const [low = 0, high = 0] = quantilesOf(state)
    assert.ok(low <= high)
    assert.equal(lineAt(1, -50), 0)
  })

  it('lie within the errors that are kept, however many misses there were, also those an earlier Limen counted', () => {
    const state = openInterval([0.05, 0.95])
    for (let t = 0; t < 100; t++) learnError(state, 100, [90, 110], 150)
    state.ranks[1] = 1.3
    const [, high = 0] = quantilesOf(state)
    assert.ok(Math.abs(lineAt(100, high) - 150) < 1e-3, `${lineAt(100, high)}`)
  })

  it('take a value that is its line but for rounding as below it', () => {
    const state = openInterval([0.05, 0.95])
    const line = Math.expm1(Math.log1p(2))
    assert.ok(line < 2)
    learnError(state, 2, [1, line], 2)
    assert.ok((state.ranks[1] ?? 1) < 0.95)
  })

  it('keep the error of what a value counts as, but miss the value itself', () => {
    const state = openInterval([0.05, 0.95])
    learnError(state, 100, [90, 110], 5000, 105)
    assert.ok((state.ranks[1] ?? 0) > 0.95)
    assert.ok(lineAt(100, state.sorted[0] ?? 0) < 106)
  })
})
