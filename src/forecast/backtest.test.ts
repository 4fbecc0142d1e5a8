import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { backtest } from './backtest.ts'
import type { ForecastModel } from './model.ts'
import { lastValue } from './models/last-value.ts'
import { seasonalNaive } from './models/seasonal-naive.ts'

const FRAME = { stepS: 60, startS: 0, seasons: [4] }

/** Every season alike but for a rise of 1 per season. */
const STAIRS = Float64Array.from({ length: 40 }, (_, t) => 10 * (t % 4) + Math.floor(t / 4))

/** Says how many values it knew, so that a test sees what it was shown. */
function witness(): ForecastModel<{ known: number }> & { readonly fits: number[] } {
  const fits: number[] = []
  return {
    name: 'witness',
    fits,
    fit(history) {
      fits.push(history.length)
      return { known: history.length }
    },
    update(state) {
      state.known++
    },
    forecast: (state, steps) => new Float64Array(steps).fill(state.known),
  }
}

describe('backtest()', () => {
  it('scores the last value 1 against itself, and a season 1 against a season', () => {
    const [last] = backtest(lastValue, STAIRS, FRAME, { horizons: [3], from: 20 })
    const [season] = backtest(seasonalNaive(0), STAIRS, FRAME, { horizons: [3], from: 20 })
    assert.equal(last?.ratioLast, 1)
    assert.equal(season?.ratioSeasonal, 1)
    // The season is off by its rise, 1, at each of the 18 origins; so it was one season ago.
    assert.deepEqual([season?.count, season?.mase], [18, 1])
    const targets = STAIRS.subarray(22)
    const total = targets.reduce((sum, value) => sum + value, 0)
    assert.ok(Math.abs((season?.wape ?? 0) - 18 / total) < 1e-12)
  })

  it('shows a model what came before the origin, no more, and refits when told', () => {
    const model = witness()
    const counting = Float64Array.from({ length: 30 }, (_, t) => t)
    // At each origin the witness says how many it knows: the index of the next value, so it is off by h - 1.
    const options = { horizons: [1, 5], from: 10, refitEvery: 8 }
    const [one, five] = backtest(model, counting, FRAME, options)
    assert.deepEqual([one?.wape, one?.count], [0, 20])
    assert.ok(Math.abs((five?.ratioLast ?? 0) - 4 / 5) < 1e-12)
    assert.deepEqual(model.fits, [10, 18, 26])
  })

  it('leaves out what is unknown, and origins between', () => {
    const holed = STAIRS.slice()
    holed[25] = Number.NaN
    const [score] = backtest(lastValue, holed, FRAME, { horizons: [1], from: 20 })
    assert.equal(score?.count, 18)
    const [every] = backtest(lastValue, STAIRS, FRAME, { horizons: [1], from: 20, every: 5 })
    assert.equal(every?.count, 4)
  })
})
