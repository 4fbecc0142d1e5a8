import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lastValue } from './models/last-value.ts'
import { seasonalNaive } from './models/seasonal-naive.ts'
import { chooseModel, JUDGED_MIN, judge, openContest, verdictOf } from './select.ts'

const NAMES = ['log-growth', 'last value', 'seasonal naive 1']

function after(rounds: readonly (readonly [count: number, ...errors: number[]])[]) {
  const contest = openContest(NAMES)
  for (const [count, ...errors] of rounds) {
    for (let i = 0; i < count; i++) {
      judge(
        contest,
        errors.map((error) => 100 + error),
        100,
      )
    }
  }
  return verdictOf(contest)
}

describe('verdictOf()', () => {
  it('lets the chosen one speak while it is best', () => {
    assert.deepEqual(after([[200, 5, 8, 9]]), {
      index: 0,
      model: 'log-growth',
      demoted: false,
      reason: 'recent error 5.0 %, of last value 8.0 %',
    })
  })

  it('replaces it by the best naive one, and says so', () => {
    assert.deepEqual(after([[200, 9, 8, 7]]), {
      index: 2,
      model: 'seasonal naive 1',
      demoted: true,
      reason: 'recent error 9.0 %, of seasonal naive 1 7.0 %',
    })
  })

  it('waits until enough was judged', () => {
    const early = after([[JUDGED_MIN - 1, 9, 1, 1]])
    assert.equal(early.demoted, false)
    assert.match(early.reason, /too few/)
    assert.equal(after([[JUDGED_MIN, 9, 1, 1]]).demoted, true)
  })

  it('lets it back only when it is clearly better', () => {
    const demoted = [300, 9, 8, 20] as const
    assert.equal(after([demoted, [20_000, 7.9, 8, 20]]).demoted, true)
    assert.equal(after([demoted, [20_000, 7.7, 8, 20]]).demoted, false)
    assert.equal(after([[20_000, 7.9, 8, 20]]).demoted, false)
  })

  it('forgets: a model that became good speaks again within two days of minutes', () => {
    assert.equal(
      after([
        [5000, 20, 10, 10],
        [2880, 5, 10, 10],
      ]).demoted,
      false,
    )
  })
})

describe('chooseModel()', () => {
  const frame = { stepS: 60, startS: 0, seasons: [10] }

  it('picks who does best on the last part', () => {
    const models = [lastValue, seasonalNaive(0)]
    const seasonal = Float64Array.from({ length: 200 }, (_, t) => (t % 10) ** 2)
    assert.equal(chooseModel(models, seasonal, frame, [3, 5]), 1)
    const wandering = Float64Array.from({ length: 200 }, (_, t) => 1000 + t)
    assert.equal(chooseModel(models, wandering, frame, [3, 5]), 0)
  })

  it('picks the first when there is nothing to go by', () => {
    assert.equal(chooseModel([lastValue, seasonalNaive(0)], new Float64Array(0), frame, [3]), 0)
  })
})
