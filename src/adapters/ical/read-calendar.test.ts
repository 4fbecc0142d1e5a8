import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CALENDAR_CHARS_MAX, type CalendarOutcome, readCalendar } from './read-calendar.ts'

const utc = (text: string): number => Date.parse(`${text}Z`) / 1000
const YEAR_1997 = { fromS: utc('1997-01-01T00:00'), untilS: utc('1998-01-01T00:00') }
/** As RFC 5545 has it in its examples, 3.6.5. */
const NEW_YORK = `BEGIN:VTIMEZONE
TZID:America/New_York
BEGIN:STANDARD
DTSTART:19971026T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19970406T020000
RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=4
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
END:VTIMEZONE`

const event = (...lines: readonly string[]): string =>
  ['BEGIN:VEVENT', 'UID:one@example', ...lines, 'END:VEVENT'].join('\n')

const calendar = (...parts: readonly string[]): string =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//example', ...parts, 'END:VCALENDAR']
    .join('\n')
    .replaceAll('\n', '\r\n')

function read(text: string, window: { readonly fromS: number; readonly untilS: number }) {
  const outcome = readCalendar(text, { ...window, kindBy: 'categories' })
  assert.equal(outcome.kind, 'calendar')
  return (outcome as Extract<CalendarOutcome, { kind: 'calendar' }>).read
}

const starts = (text: string, window = YEAR_1997): readonly string[] =>
  read(text, window).events.map(({ startS }) => new Date(startS * 1000).toISOString().slice(0, 16))

describe('readCalendar()', () => {
  it('a single event, in UTC', () => {
    const text = calendar(
      event('DTSTART:19970714T170000Z', 'DTEND:19970715T035959Z', 'SUMMARY:Bastille Day Party'),
    )
    assert.deepEqual(read(text, YEAR_1997).events, [
      {
        kind: 'Bastille Day Party',
        startS: utc('1997-07-14T17:00'),
        endS: utc('1997-07-15T03:59:59'),
      },
    ])
  })

  // RFC 5545, 3.8.5.3, "Daily for 10 occurrences" is at 9:00 EDT; "weekly for 10" and the like cross the end of summer time.
  it('recurrences follow local time across a switch, by the VTIMEZONE of the file', () => {
    const lines = ['DURATION:PT1H', 'SUMMARY:Sale', 'RRULE:FREQ=WEEKLY;COUNT=10']
    const text = calendar(
      NEW_YORK,
      event('DTSTART;TZID=America/New_York:19970902T090000', ...lines),
    )
    const summer = ['09-02', '09-09', '09-16', '09-23', '09-30', '10-07', '10-14', '10-21']
    assert.deepEqual(starts(text), [
      ...summer.map((day) => `1997-${day}T13:00`),
      '1997-10-28T14:00',
      '1997-11-04T14:00',
    ])
  })

  it('and by the name of the zone where the file does not define it', () => {
    const rule = ['DURATION:PT1H', 'SUMMARY:Sale', 'RRULE:FREQ=MONTHLY;COUNT=3']
    const text = calendar(event('DTSTART;TZID=Europe/Berlin:20260215T200000', ...rule))
    const window = { fromS: utc('2026-01-01T00:00'), untilS: utc('2027-01-01T00:00') }
    assert.deepEqual(starts(text, window), [
      '2026-02-15T19:00',
      '2026-03-15T19:00',
      '2026-04-15T18:00',
    ])
  })

  it('RFC 5545, 3.8.5.3: the last Monday of the month; every Friday the 13th without the first', () => {
    const monday = calendar(
      NEW_YORK,
      event(
        'DTSTART;TZID=America/New_York:19970922T090000',
        'DURATION:PT1H',
        'SUMMARY:x',
        'RRULE:FREQ=MONTHLY;COUNT=6;BYDAY=-2MO',
      ),
    )
    assert.deepEqual(starts(monday, { ...YEAR_1997, untilS: utc('1999-01-01T00:00') }), [
      '1997-09-22T13:00',
      '1997-10-20T13:00',
      '1997-11-17T14:00',
      '1997-12-22T14:00',
      '1998-01-19T14:00',
      '1998-02-16T14:00',
    ])
    const friday = calendar(
      NEW_YORK,
      event(
        'DTSTART;TZID=America/New_York:19970902T090000',
        'EXDATE;TZID=America/New_York:19970902T090000',
        'DURATION:PT1H',
        'SUMMARY:x',
        'RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13',
      ),
    )
    assert.deepEqual(starts(friday, { ...YEAR_1997, untilS: utc('2000-09-01T00:00') }), [
      '1998-02-13T14:00',
      '1998-03-13T14:00',
      '1998-11-13T14:00',
      '1999-08-13T13:00',
    ])
  })

  it('exclusions: as many as there are, also those that match nothing, and whole days', () => {
    const text = calendar(
      event(
        'DTSTART:19970701T090000Z',
        'DURATION:PT1H',
        'SUMMARY:x',
        'RRULE:FREQ=DAILY;COUNT=6',
        'EXDATE:19970701T100000Z,19970701T110000Z,19970702T090000Z,19970703T090000Z',
        'EXDATE;VALUE=DATE:19970705',
      ),
    )
    assert.deepEqual(starts(text), ['1997-07-01T09:00', '1997-07-04T09:00', '1997-07-06T09:00'])
  })

  it('a recurrence that was moved, one that was cancelled, and those of another event left alone', () => {
    const daily = ['DURATION:PT1H', 'SUMMARY:x', 'RRULE:FREQ=DAILY;COUNT=3']
    const text = calendar(
      event('DTSTART:19970701T090000Z', ...daily),
      event(
        'RECURRENCE-ID:19970702T090000Z',
        'DTSTART:19970702T150000Z',
        'DURATION:PT2H',
        'SUMMARY:x',
      ),
      event(
        'RECURRENCE-ID:19970703T090000Z',
        'DTSTART:19970703T090000Z',
        'DURATION:PT1H',
        'STATUS:CANCELLED',
      ),
      event('DTSTART:19970701T090000Z', ...daily).replace('one@', 'two@'),
    )
    assert.deepEqual(starts(text), [
      '1997-07-01T09:00',
      '1997-07-01T09:00',
      '1997-07-02T09:00',
      '1997-07-02T15:00',
      '1997-07-03T09:00',
    ])
  })

  it('whole days and times without a zone are of the zone of the calendar, else of UTC', () => {
    const day = event('DTSTART;VALUE=DATE:19970628', 'SUMMARY:Feast')
    const [plain] = read(calendar(day), YEAR_1997).events
    assert.deepEqual(
      [plain?.startS, plain?.endS],
      [utc('1997-06-28T00:00'), utc('1997-06-29T00:00')],
    )
    assert.deepEqual(starts(calendar('X-WR-TIMEZONE:Asia/Kolkata', day)), ['1997-06-27T18:30'])
  })

  it('the kind is the first category, else the summary; or the summary always', () => {
    const text = calendar(
      event('DTSTART:19970701T090000Z', 'DURATION:PT1H', 'SUMMARY:Final', 'CATEGORIES:match,tv'),
      event('DTSTART:19970702T090000Z', 'DURATION:PT1H', 'SUMMARY:Sale\\n now'),
    )
    const kinds = (kindBy: 'categories' | 'summary') => {
      const outcome = readCalendar(text, { ...YEAR_1997, kindBy })
      return outcome.kind === 'calendar' ? outcome.read.events.map(({ kind }) => kind) : []
    }
    assert.deepEqual(kinds('categories'), ['match', 'Sale now'])
    assert.deepEqual(kinds('summary'), ['Final', 'Sale now'])
  })

  it('only what touches the window; an old rule is followed until there', () => {
    const rule = ['DTSTART:19900101T090000Z', 'DURATION:PT1H', 'SUMMARY:x', 'RRULE:FREQ=DAILY']
    const window = { fromS: utc('1997-07-01T09:30'), untilS: utc('1997-07-03T09:00') }
    assert.deepEqual(starts(calendar(event(...rule)), window), [
      '1997-07-01T09:00',
      '1997-07-02T09:00',
    ])
  })

  it('refuses an event that cannot be read, says why, and goes on with the others', () => {
    const good = event('DTSTART:19970701T090000Z', 'DURATION:PT1H', 'SUMMARY:x')
    const bad: readonly (readonly [lines: readonly string[], why: RegExp])[] = [
      [['DTSTART:19970701T090000Z', 'SUMMARY:x'], /ends when it begins/],
      [['DTSTART:19970701T090000Z', 'DURATION:P32D', 'SUMMARY:x'], /longer than a month/],
      [['DTSTART:19970701T090000Z', 'DURATION:PT1H'], /neither SUMMARY nor CATEGORIES/],
      [['DURATION:PT1H', 'SUMMARY:x'], /has no DTSTART/],
      [['DTSTART;TZID=Nowhere:19970701T090000', 'DURATION:PT1H', 'SUMMARY:x'], /time zone/],
      [
        ['DTSTART:19900101T000000Z', 'DURATION:PT1S', 'SUMMARY:x', 'RRULE:FREQ=SECONDLY'],
        /recurs more than 20000 times/,
      ],
    ]
    for (const [lines, why] of bad) {
      const { events, refused, left } = read(calendar(event(...lines), good), YEAR_1997)
      assert.deepEqual([events.length, refused.length, left], [1, 1, 1])
      assert.match(refused[0] ?? '', why)
    }
  })

  it('UNTIL is in UTC, also for zones that the file does not define (RFC 5545, 3.3.10)', () => {
    const tokyo = ['DTSTART;TZID=Asia/Tokyo:20261121T080000', 'DURATION:PT1H', 'SUMMARY:x']
    const window = { fromS: utc('2026-11-23T00:00'), untilS: utc('2026-12-07T00:00') }
    const last = 'RRULE:FREQ=DAILY;UNTIL=20261124T230000Z'
    assert.deepEqual(starts(calendar(event(...tokyo, last)), window), [
      '2026-11-23T23:00',
      '2026-11-24T23:00',
    ])
    const newYork = ['DTSTART;TZID=America/New_York:20261121T180000', 'DURATION:PT1H', 'SUMMARY:x']
    const before = 'RRULE:FREQ=DAILY;UNTIL=20261124T225959Z'
    assert.deepEqual(starts(calendar(event(...newYork, before)), window), ['2026-11-23T23:00'])
  })

  const march = { fromS: utc('2026-03-01T00:00'), untilS: utc('2026-04-01T00:00') }

  it('a time that a switch skips has the offset before it, one that comes twice is the first (3.3.5)', () => {
    const half = (zone: string, at: string) =>
      calendar(event(`DTSTART;TZID=${zone}:${at}`, 'DURATION:PT1H', 'SUMMARY:x'))
    const window = { fromS: march.fromS, untilS: utc('2026-12-01T00:00') }
    for (const [zone, at, wanted] of [
      ['America/New_York', '20260308T023000', '2026-03-08T07:30'],
      ['Europe/Berlin', '20260329T023000', '2026-03-29T01:30'],
      ['America/New_York', '20261101T013000', '2026-11-01T05:30'],
      ['Europe/Berlin', '20261025T023000', '2026-10-25T00:30'],
    ] as const) {
      assert.deepEqual(starts(half(zone, at), window), [wanted])
    }
    const vtimezone = `${NEW_YORK}\n`.replaceAll('\n', '\r\n')
    for (const [at, wanted] of [
      ['19980405T013000', '1998-04-05T06:30'],
      ['19980405T023000', '1998-04-05T07:30'],
      ['19980405T033000', '1998-04-05T07:30'],
      ['19981025T013000', '1998-10-25T05:30'],
    ] as const) {
      const text = half('America/New_York', at).replace('BEGIN:VEVENT', `${vtimezone}BEGIN:VEVENT`)
      const wide = { fromS: utc('1998-01-01T00:00'), untilS: utc('1999-01-01T00:00') }
      assert.deepEqual(starts(text, wide), [wanted])
    }
  })

  it('a nightly event goes on over the night that lacks its hour', () => {
    const lines = [
      'DTSTART;TZID=Europe/Berlin:20260301T020000',
      'DTEND;TZID=Europe/Berlin:20260301T030000',
      'SUMMARY:x',
    ]
    const { events, left } = read(calendar(event(...lines, 'RRULE:FREQ=DAILY')), march)
    assert.deepEqual([events.length, left], [31, 0])
    assert.ok(events.every(({ startS, endS }) => endS - startS === 3600))
    assert.equal(events[28]?.startS, utc('2026-03-29T01:00'))
    assert.equal(events[29]?.startS, utc('2026-03-30T00:00'))
  })

  it('hours of a DURATION are exact over a switch, days are those of the calendar (3.3.6)', () => {
    const window = { fromS: utc('2026-10-24T00:00'), untilS: utc('2026-10-27T00:00') }
    const hours = (duration: string) => {
      const lines = ['DTSTART;TZID=Europe/Berlin:20261024T120000', `DURATION:${duration}`]
      const [one] = read(calendar(event(...lines, 'SUMMARY:x')), window).events
      return ((one?.endS ?? 0) - (one?.startS ?? 0)) / 3600
    }
    assert.deepEqual(['PT24H', 'P1D', 'P1DT2H'].map(hours), [24, 25, 27])
  })

  it('a recurrence that cannot be read costs that one only', () => {
    const text = calendar(
      event('DTSTART:19970701T090000Z', 'DURATION:PT1H', 'SUMMARY:x', 'RRULE:FREQ=DAILY;COUNT=3'),
      event('RECURRENCE-ID:19970702T090000Z', 'DTSTART:19970702T150000Z', 'SUMMARY:x'),
    )
    assert.deepEqual(starts(text), ['1997-07-01T09:00', '1997-07-03T09:00'])
    const { refused, left } = read(text, YEAR_1997)
    assert.deepEqual([refused, left], [['one@example: on 1997-07-02: ends when it begins'], 1])
  })

  it('a changed recurrence is found by its time in UTC where the event is in a zone only named', () => {
    const rule = ['DURATION:PT1H', 'SUMMARY:x', 'RRULE:FREQ=DAILY;COUNT=2']
    const moved = ['DTSTART;TZID=Europe/Berlin:20260302T220000', 'DURATION:PT1H', 'SUMMARY:x']
    const text = calendar(
      event('DTSTART;TZID=Europe/Berlin:20260301T200000', ...rule),
      event('RECURRENCE-ID:20260302T190000Z', ...moved),
    )
    assert.deepEqual(starts(text, march), ['2026-03-01T19:00', '2026-03-02T21:00'])
  })

  it('periods of an RDATE have their own length (3.3.9); the first recurrence is DTSTART', () => {
    const text = calendar(
      event(
        'DTSTART:19970701T090000Z',
        'DURATION:PT1H',
        'SUMMARY:x',
        'RDATE;VALUE=PERIOD:19970702T090000Z/PT3H,19970703T090000Z/19970703T110000Z',
        'RDATE:19970701T090000Z,19970704T090000Z',
        'EXDATE:19970704T090000Z',
      ),
    )
    const { events, refused } = read(text, YEAR_1997)
    assert.deepEqual(refused, [])
    assert.deepEqual(
      events.map(({ startS, endS }) => [startS, (endS - startS) / 3600]),
      [
        [utc('1997-07-01T09:00'), 1],
        [utc('1997-07-02T09:00'), 3],
        [utc('1997-07-03T09:00'), 2],
      ],
    )
  })

  it('takes a byte order mark, and says itself what the parser stumbles over', () => {
    const good = calendar(event('DTSTART:19970701T090000Z', 'DURATION:PT1H', 'SUMMARY:x'))
    assert.deepEqual(starts(`\uFEFF${good}`), ['1997-07-01T09:00'])
    const outcome = readCalendar(`SUMMARY:x\r\n${good}`, { ...YEAR_1997, kindBy: 'summary' })
    assert.equal(
      outcome.kind === 'refused' && outcome.reason,
      'cannot be read: is not written as iCalendar is (RFC 5545, 3.1 and 3.4)',
    )
  })

  it('takes the first 256 events, and says how many it left out', () => {
    const rule = ['DTSTART:19970101T000000Z', 'DURATION:PT1M', 'SUMMARY:x']
    const hourly = event(...rule, 'RRULE:FREQ=HOURLY;COUNT=300')
    const { events, left } = read(calendar(hourly), YEAR_1997)
    assert.equal(events.length, 256)
    assert.ok(left > 0)
  })

  it('refuses what is no calendar, broken, or too long', () => {
    for (const [text, why] of [
      ['', /is no VCALENDAR/],
      ['hello', /cannot be read/],
      ['BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEND:VCARD\r\n', /is no VCALENDAR/],
      [calendar(event('SUMMARY:x')).replace('END:VCALENDAR', ''), /cannot be read/],
      ['x'.repeat(CALENDAR_CHARS_MAX + 1), /is longer than/],
    ] as const) {
      const outcome = readCalendar(text, { ...YEAR_1997, kindBy: 'summary' })
      assert.equal(outcome.kind, 'refused', text.slice(0, 20))
      assert.match(outcome.kind === 'refused' ? outcome.reason : '', why)
    }
  })
})
