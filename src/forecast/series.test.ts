import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  AHEAD_MAX_S,
  addArrival,
  closeSteps,
  historyOf,
  historyStartS,
  openSeries,
  REFUSED_MAX,
} from './series.ts'

const OPTIONS = { stepS: 60, of: 'sum', historySteps: 10 } as const

function recorded(of: 'sum' | 'mean' = 'sum', historySteps = 10) {
  const series = openSeries({ ...OPTIONS, of, historySteps })
  const steps: number[] = []
  const onStep = (value: number) => {
    steps.push(value)
  }
  const add = (atS: number, value: number) => addArrival(series, atS, value, onStep)
  return { series, steps, add, close: (nowS: number) => closeSteps(series, nowS, onStep) }
}

describe('addArrival()', () => {
  it('adds up what arrives in a step, in any order, the same time twice too', () => {
    const { steps, add } = recorded()
    for (const atS of [630, 610, 610, 659]) assert.equal(add(atS, 2), 'added')
    assert.deepEqual(steps, [])
    add(660, 1)
    assert.deepEqual(steps, [8])
  })

  it('takes the mean where that is asked for', () => {
    const { steps, add } = recorded('mean')
    add(0, 1)
    add(1, 4)
    add(60, 0)
    assert.deepEqual(steps, [2.5])
  })

  it('knows unknown from zero', () => {
    const { series, steps, add } = recorded()
    add(0, 0)
    add(180, 3)
    assert.deepEqual(steps, [0, Number.NaN, Number.NaN])
    assert.deepEqual([...historyOf(series)], steps)
    assert.equal(historyStartS(series), 0)
  })

  it('drops what is late', () => {
    const { steps, add } = recorded()
    add(120, 1)
    assert.equal(add(119, 50), 'late')
    add(180, 1)
    assert.deepEqual(steps, [1])
  })

  it('drops values and times that are none', () => {
    const { add, series } = recorded()
    for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY, 1e300]) {
      assert.equal(add(0, value), 'invalid')
    }
    assert.equal(add(Number.NaN, 1), 'invalid')
    assert.equal(series.total, 0)
  })

  it('does not believe one time far ahead, but a clock that stays there: what lies between is unknown', () => {
    const { series, steps, add } = recorded()
    add(0, 1)
    const then = AHEAD_MAX_S + 6000
    for (let i = 0; i < REFUSED_MAX; i++) assert.equal(add(then, 1), 'ahead')
    assert.equal(add(then, 1), 'added')
    assert.deepEqual(steps, [1, ...new Array(9).fill(Number.NaN)])
    assert.equal(series.openS, then - (then % 60))
  })

  it('moves the grid back with a clock that stays back, and keeps what it knows', () => {
    const { series, steps, add } = recorded()
    add(7200, 5)
    for (let i = 0; i < REFUSED_MAX; i++) assert.equal(add(3600, 1), 'late')
    assert.equal(add(3600, 2), 'added')
    add(3660, 1)
    assert.deepEqual(steps, [5, 2])
    assert.equal(historyStartS(series), 3660 - 120)
  })

  it('forgets what is older than its history', () => {
    const { series, add } = recorded('sum', 3)
    for (let t = 0; t < 8; t++) add(60 * t, t)
    assert.deepEqual([...historyOf(series)], [4, 5, 6])
    assert.equal(historyStartS(series), 240)
  })
})

it('closeSteps() ends steps without arrivals, unless the time is absurd or nothing began', () => {
  const { steps, add, close } = recorded()
  close(600)
  add(0, 4)
  close(59)
  assert.deepEqual(steps, [])
  close(120)
  close(1e9)
  assert.deepEqual(steps, [4, Number.NaN])
})

it('steps longer than a day: the next ones are no time far ahead', () => {
  const stepS = 7 * 86_400
  const series = openSeries({ ...OPTIONS, stepS })
  const steps: number[] = []
  const onStep = (value: number) => {
    steps.push(value)
  }
  for (const week of [0, 1, 2, 5]) {
    assert.equal(addArrival(series, week * stepS, week, onStep), 'added')
  }
  closeSteps(series, 6 * stepS, onStep)
  assert.deepEqual(steps, [0, 1, 2, Number.NaN, Number.NaN, 5])
  assert.equal(addArrival(series, 60 * stepS, 1, onStep), 'ahead')
})

it('openSeries() wants a grid', () => {
  for (const stepS of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => openSeries({ ...OPTIONS, stepS }), RangeError)
  }
  assert.throws(() => openSeries({ ...OPTIONS, historySteps: 0.5 }), RangeError)
})
