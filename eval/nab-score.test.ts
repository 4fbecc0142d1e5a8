import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  earnedInWindow,
  lostOutside,
  type NabAlarms,
  nabScore,
  probationRows,
  rawScore,
  scaledSigmoid,
} from './nab-score.ts'

/** profiles.json of the benchmark. */
const PROFILES = {
  standard: { tpWeight: 1, fpWeight: 0.11, fnWeight: 1 },
  reward_low_FP_rate: { tpWeight: 1, fpWeight: 0.22, fnWeight: 1 },
  reward_low_FN_rate: { tpWeight: 1, fpWeight: 0.11, fnWeight: 2 },
}

function file(rows: number, windows: NabAlarms['windows'], alarmsAt: readonly number[]): NabAlarms {
  return { alarms: Array.from({ length: rows }, (_, row) => alarmsAt.includes(row)), windows }
}

const near = (got: number, wanted: number, error = 1e-12) =>
  assert.ok(Math.abs(got - wanted) <= error, `${got}, not ${wanted}`)

describe('scaledSigmoid()', () => {
  it('has the values of the paper and of the code', () => {
    near(scaledSigmoid(-1), 0.98661, 5e-6)
    assert.equal(scaledSigmoid(0), 0)
    near(scaledSigmoid(1), -0.98661, 5e-6)
    assert.equal(scaledSigmoid(3.01), -1)
    // 2 / (1 + e^5x) - 1 is -tanh(5x / 2).
    for (const x of [-2, -0.75, -0.1, 0.4, 3]) near(scaledSigmoid(x), -Math.tanh(2.5 * x))
  })
})

describe('probationRows()', () => {
  it('is 15 %, 750 rows at most', () => {
    assert.deepEqual([10, 1127, 4032, 5000, 22_695].map(probationRows), [1, 169, 604, 750, 750])
  })
})

describe('rawScore()', () => {
  const windows = [{ first: 10, last: 13 }]

  it('is what a file of 20 rows gives by hand', () => {
    // On probation: row 1. False, before any window: row 5, -0.11. In the window the first counts: row 11, three rows
    // before the end of four, tanh(1.875) / tanh(2.5). False, two rows after a window of four: row 15, position 2/3.
    const got = rawScore(file(20, windows, [1, 5, 11, 12, 15]), PROFILES.standard)
    near(got, -0.11 + Math.tanh(1.875) / Math.tanh(2.5) - 0.11 * Math.tanh(5 / 3))
    near(got, 0.7545670308466272)
  })

  it('costs the weight of a missed window, once each', () => {
    near(rawScore(file(20, windows, []), PROFILES.standard), -1)
    near(rawScore(file(20, windows, []), PROFILES.reward_low_FN_rate), -2)
    near(rawScore(file(20, windows, [0, 1, 2]), PROFILES.standard), -1)
  })

  it('asks for no window that lies wholly in the probation', () => {
    near(rawScore(file(100, [{ first: 2, last: 9 }], [5]), PROFILES.standard), 0)
    near(rawScore(file(100, [{ first: 2, last: 20 }], [5]), PROFILES.standard), -1)
  })
})

describe('earnedInWindow(), lostOutside()', () => {
  const windows = [
    { first: 10, last: 19 },
    { first: 50, last: 59 },
  ]

  it('earn 1 at the first row and next to nothing at the last', () => {
    near(earnedInWindow(10, { first: 10, last: 19 }), 1)
    near(earnedInWindow(19, { first: 10, last: 19 }), Math.tanh(0.25) / Math.tanh(2.5))
  })

  it('lose by the distance to the window before, all of it when there is none', () => {
    assert.equal(lostOutside(9, windows), -1)
    near(lostOutside(20, windows), -Math.tanh(2.5 / 9))
    assert.equal(lostOutside(49, windows), -1)
    near(lostOutside(62, windows), -Math.tanh(7.5 / 9))
  })
})

describe('nabScore()', () => {
  const files = [
    { rows: 200, windows: [{ first: 60, last: 79 }] },
    {
      rows: 400,
      windows: [
        { first: 100, last: 119 },
        { first: 300, last: 319 },
      ],
    },
    { rows: 100, windows: [] },
  ]

  it('is 0 for who says nothing, 100 for who says it at once, in every profile', () => {
    for (const profile of Object.values(PROFILES)) {
      const silent = files.map(({ rows, windows }) => file(rows, windows, []))
      const perfect = files.map(({ rows, windows }) =>
        file(
          rows,
          windows,
          windows.map((w) => w.first),
        ),
      )
      assert.equal(nabScore(silent, profile), 0)
      near(nabScore(perfect, profile), 100, 1e-9)
    }
  })

  it('falls below 0 for who always says it', () => {
    const all = files.map(({ rows, windows }) =>
      file(
        rows,
        windows,
        Array.from({ length: rows }, (_, row) => row),
      ),
    )
    assert.ok(nabScore(all, PROFILES.standard) < 0)
  })

  it('is no number where there is nothing to find', () => {
    assert.ok(Number.isNaN(nabScore([file(100, [], [])], PROFILES.standard)))
  })
})
