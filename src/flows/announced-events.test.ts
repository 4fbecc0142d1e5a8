import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Calendar, openCalendar } from '../forecast/calendar.ts'
import type { AnnouncedEvent } from '../ports/forecast-store.ts'
import {
  ANNOUNCED_MAX,
  announce,
  stillToCome,
  takeCalendar,
  tellCalendar,
} from './announced-events.ts'

const event = (
  kind: string,
  startS: number,
  more: Partial<AnnouncedEvent> = {},
): AnnouncedEvent => ({
  ...{ id: `${kind}-${startS}`, pool: null, kind, startS, endS: startS + 100, source: 'api' },
  ...more,
})
const held = ({ events }: Calendar) => events.map(({ kind, startS, endS }) => [kind, startS, endS])

describe('announce()', () => {
  it('adds an event, not twice, for each pool alone', () => {
    const first = announce([], event('sale', 10))
    assert.deepEqual(first, { kind: 'announced', events: [event('sale', 10)] })
    assert.deepEqual(announce([event('sale', 10)], event('sale', 10, { id: 'x' })), {
      kind: 'known',
    })
    const other = announce([event('sale', 10)], event('sale', 10, { pool: 'shop' }))
    assert.equal(other.kind, 'announced')
  })

  it('has a bound', () => {
    const full = Array.from({ length: ANNOUNCED_MAX }, (_, i) => event('sale', i))
    assert.deepEqual(announce(full, event('sale', 1000)), { kind: 'full' })
  })
})

describe('takeCalendar()', () => {
  const calendar = { source: 'shop.ics', pool: 'shop' }
  let ids = 0
  const newId = () => `new-${ids++}`

  it('replaces what that calendar said, keeps ids of what stays, and leaves the others', () => {
    const before = [
      event('sale', 10),
      event('match', 20, { ...calendar, id: 'stays' }),
      event('match', 30, { ...calendar, id: 'goes' }),
    ]
    const found = [
      { kind: 'match', startS: 20, endS: 90 },
      { kind: 'match', startS: 40, endS: 50 },
    ]
    assert.deepEqual(takeCalendar(before, calendar, found, newId), [
      event('sale', 10),
      { id: 'stays', ...calendar, ...found[0] },
      { id: 'new-0', ...calendar, ...found[1] },
    ])
  })

  it('takes the first to come where there is no room for all', () => {
    const others = Array.from({ length: ANNOUNCED_MAX - 1 }, (_, i) => event('sale', i))
    const found = [1, 2].map((startS) => ({ kind: 'match', startS, endS: 9 }))
    const taken = takeCalendar(others, calendar, found, newId)
    assert.equal(taken.length, ANNOUNCED_MAX)
    assert.equal(taken.at(-1)?.startS, 1)
  })
})

describe('tellCalendar()', () => {
  it('holds what is announced for the pool or for all, and not what is over', () => {
    const calendar = openCalendar()
    const events = [
      event('sale', 1000),
      event('match', 1000, { pool: 'shop' }),
      event('match', 1000, { pool: 'news' }),
      event('old', 100),
    ]
    tellCalendar(calendar, 'shop', events, 500)
    assert.deepEqual(held(calendar), [
      ['sale', 1000, 1100],
      ['match', 1000, 1100],
    ])
  })

  it('follows what is withdrawn or moved, and leaves what is over to be learned from', () => {
    const calendar = openCalendar()
    tellCalendar(calendar, 'shop', [event('sale', 1000), event('match', 2000)], 500)
    tellCalendar(calendar, 'shop', [event('match', 2000, { endS: 3000 })], 500)
    assert.deepEqual(held(calendar), [['match', 2000, 3000]])
    tellCalendar(calendar, 'shop', [], 3000)
    assert.deepEqual(held(calendar), [['match', 2000, 3000]])
  })
})

it('stillToCome() are those that run and those to come', () => {
  assert.deepEqual(stillToCome([event('a', 0), event('b', 50), event('c', 200)], 100), [
    event('b', 50),
    event('c', 200),
  ])
})
