import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readCalendarInThread } from './calendar-reading.ts'

const window = { fromS: 1_790_000_000, untilS: 1_790_086_400, kindBy: 'summary' as const }
const calendar = (rule: string): string =>
  [
    ...['BEGIN:VCALENDAR', 'BEGIN:VEVENT', 'DTSTART:20260921T150000Z', 'DURATION:PT1H'],
    ...['SUMMARY:sale', `RRULE:${rule}`, 'END:VEVENT', 'END:VCALENDAR'],
  ].join('\r\n')

it('readCalendarInThread() answers what is in it', async () => {
  const text = calendar('FREQ=WEEKLY')
  const startS = Date.UTC(2026, 8, 21, 15) / 1000
  assert.deepEqual(await readCalendarInThread({ text, window }), {
    kind: 'calendar',
    read: { events: [{ kind: 'sale', startS, endS: startS + 3600 }], refused: [], left: 0 },
  })
})

it('readCalendarInThread() ends a rule that never ends: no February has 30 days', async () => {
  const text = calendar('FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30')
  assert.deepEqual(await readCalendarInThread({ text, window }, 1000), {
    kind: 'refused',
    reason: 'takes more than 1000 ms to read',
  })
})
