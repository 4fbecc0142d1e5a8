import assert from 'node:assert/strict'
import { it } from 'node:test'
import { announcedText } from './event-commands.ts'

const at = Date.UTC(2026, 10, 27)
const event = { id: '0123456789abcdef', kind: 'sale\u001b[2J', pool: null, source: 'api' }
const calendar = { name: '/etc/limen/shop.ics', pool: null, events: 3, refused: [], left: 0 }

it('announcedText() lists events and says how calendars are, nothing of them unescaped', () => {
  const text = announcedText({
    events: [{ ...event, startAt: at, endAt: at + 3_600_000 }],
    calendars: [
      { ...calendar, readAt: at, failure: null },
      {
        ...{ ...calendar, name: 'https://a.example/x', readAt: null, failure: 'ECONNREFUSED' },
        ...{ refused: ['one@example: ends when it begins'], left: 1 },
      },
    ],
  })
  const [head = '', line = '', ...calendars] = text.split('\n')
  assert.match(head, /^ID +KIND +POOL +FROM +TO +SAID BY$/)
  assert.match(line, /^0123456789abcdef +sale\?\[2J +all +2026-11-27 00:00 +2026-11-27 01:00 +api$/)
  assert.deepEqual(calendars, [
    'Calendar /etc/limen/shop.ics: 3 events, read 2026-11-27 00:00',
    'Calendar https://a.example/x: not read yet; ECONNREFUSED; 1 left out',
    '  one@example: ends when it begins',
  ])
  assert.match(announcedText({ events: [], calendars: [] }), /^No events announced/)
})
