import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KIND_MAX, OCCURRENCES_MAX, readCalendar } from './read-calendar.ts'

const WINDOW = { fromS: 1_790_000_000, untilS: 1_790_000_000 + 14 * 86_400 }

/** In the order and number they like: most combinations say nothing, some recur. */
const known = fc.constantFrom(
  'DTSTART:20260921T133400Z',
  'DTSTART;VALUE=DATE:20260922',
  'DTSTART;TZID=Europe/Berlin:20260925T000000',
  'DTEND:20260921T143400Z',
  'DURATION:PT1H',
  'DURATION:-PT1H',
  'RRULE:FREQ=DAILY;INTERVAL=0',
  'RRULE:FREQ=MONTHLY;BYMONTHDAY=31',
  'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
  'RRULE:FREQ=WEEKLY;BYDAY=MO,TU;COUNT=9',
  'RDATE:20260923T000000Z',
  'RDATE;VALUE=PERIOD:20260923T000000Z/PT1H',
  'EXDATE:20260923T000000Z',
  'EXDATE;VALUE=DATE:20260923',
  'RECURRENCE-ID:20260923T000000Z',
  'SUMMARY:a',
  'CATEGORIES:b,c',
  'STATUS:CANCELLED',
)
const odd = fc.oneof(
  fc.constantFrom('BEGIN:VEVENT', 'BEGIN:VTIMEZONE', 'TZID:Europe/Berlin', 'END:VTIMEZONE'),
  fc
    .tuple(
      fc.constantFrom(
        'DTSTART',
        'DTEND',
        'DURATION',
        'SUMMARY',
        'EXDATE',
        'RRULE',
        'X-WR-TIMEZONE',
      ),
      fc.constantFrom(':', ';VALUE=DATE:', ';TZID=x:', ';', ';TZID="', ':FREQ=DAILY;COUNT='),
      fc.string({ unit: 'binary', maxLength: 20 }),
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const line = fc.oneof({ weight: 40, arbitrary: known }, { weight: 1, arbitrary: odd })
const event = fc
  .array(line, { maxLength: 8 })
  .map((lines) => ['BEGIN:VEVENT', 'SUMMARY:s', 'UID:1', ...lines, 'END:VEVENT'].join('\r\n'))
const calendar = fc
  .array(event, { maxLength: 4 })
  .map((events) => ['BEGIN:VCALENDAR', ...events, 'END:VCALENDAR', ''].join('\r\n'))
const cut = fc
  .tuple(calendar, fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([text, share]) => text.slice(0, share * text.length))
const some = fc.oneof(
  { weight: 8, arbitrary: calendar },
  { weight: 1, arbitrary: cut },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
)

test('whatever is read, it never throws, and what it finds is within its bounds', () => {
  let found = 0
  fc.assert(
    fc.property(some, (text) => {
      const outcome = readCalendar(text, { ...WINDOW, kindBy: 'categories' })
      if (outcome.kind === 'refused') {
        assert.ok(outcome.reason.length < 200)
        return
      }
      const { events, refused } = outcome.read
      assert.ok(events.length <= OCCURRENCES_MAX && refused.length <= 20)
      for (const { kind, startS, endS } of events) {
        found++
        assert.ok(kind.length > 0 && kind.length <= KIND_MAX && !/\p{C}/u.test(kind))
        assert.ok(startS < WINDOW.untilS && endS > WINDOW.fromS && endS > startS)
      }
    }),
    { seed: 20_261_121, numRuns: 3000 },
  )
  assert.ok(found > 1000, 'it finds events too')
})
