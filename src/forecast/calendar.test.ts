import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  anticipate,
  closeEvents,
  EVENTS_MAX,
  effectOf,
  eventsLearned,
  FACTOR_MAX,
  factorAt,
  noteOutcome,
  openCalendar,
  withdraw,
} from './calendar.ts'

/** A calendar that saw so many matches, each multiplying the load by `factor`. */
function afterMatches(count: number, factor: number) {
  const calendar = openCalendar()
  for (let i = 0; i < count; i++) {
    const startS = i * 10_000
    anticipate(calendar, { kind: 'match', startS, endS: startS + 7200 })
    noteOutcome(calendar, startS - 60, startS + 600, 1e6, factor * 1e6)
    closeEvents(calendar, startS + 7200)
  }
  return calendar
}

describe('the effect of events', () => {
  it('is none for a kind never seen', () => {
    assert.equal(effectOf(openCalendar(), 'match'), 1)
  })

  it('is learned, shrunk: half of it (in logarithms) from one, four fifths from four', () => {
    assert.ok(Math.abs(effectOf(afterMatches(1, 4), 'match') - 2) < 1e-4)
    assert.ok(Math.abs(effectOf(afterMatches(4, 4), 'match') - 4 ** 0.8) < 1e-4)
  })

  it('is bounded', () => {
    assert.ok(effectOf(afterMatches(50, 1e6), 'match') <= FACTOR_MAX)
    assert.ok(effectOf(afterMatches(50, 0), 'match') >= 1 / FACTOR_MAX)
  })

  it('applies from outside to inside, is undone from inside to outside, and is none within', () => {
    const calendar = afterMatches(9, 4)
    const effect = effectOf(calendar, 'match')
    anticipate(calendar, { kind: 'match', startS: 1e6, endS: 1e6 + 7200 })
    assert.equal(factorAt(calendar, 1e6 - 60, 1e6 - 1), 1)
    assert.equal(factorAt(calendar, 1e6 - 60, 1e6), effect)
    assert.equal(factorAt(calendar, 1e6, 1e6 + 60), 1)
    assert.ok(Math.abs(factorAt(calendar, 1e6, 1e6 + 7200) * effect - 1) < 1e-12)
  })

  it('is not learned from origins within, nor from an event nobody measured', () => {
    const calendar = openCalendar()
    anticipate(calendar, { kind: 'sale', startS: 100, endS: 200 })
    noteOutcome(calendar, 100, 160, 10, 1000)
    closeEvents(calendar, 200)
    assert.deepEqual(calendar, { events: [], learned: [] })
  })
})

it('anticipate() holds no event twice, none without length, and no more than its bound', () => {
  const calendar = openCalendar()
  const event = { kind: 'match', startS: 0, endS: 10 }
  assert.equal(anticipate(calendar, event), true)
  assert.equal(anticipate(calendar, event), false)
  assert.equal(anticipate(calendar, { kind: 'sale', startS: 5, endS: 5 }), false)
  for (let i = 1; i < EVENTS_MAX; i++) anticipate(calendar, { ...event, startS: -i })
  assert.equal(calendar.events.length, EVENTS_MAX)
  assert.equal(anticipate(calendar, { ...event, startS: 1 }), false)
})

it('withdraw() takes an event back, and nothing is learned from it', () => {
  const calendar = openCalendar()
  anticipate(calendar, { kind: 'sale', startS: 100, endS: 200 })
  assert.equal(withdraw(calendar, { kind: 'sale', startS: 101 }), false)
  assert.equal(withdraw(calendar, { kind: 'sale', startS: 100 }), true)
  noteOutcome(calendar, 50, 150, 10, 30)
  closeEvents(calendar, 300)
  assert.equal(eventsLearned(calendar, 'sale'), 0)
  assert.equal(effectOf(calendar, 'sale'), 1)
})
