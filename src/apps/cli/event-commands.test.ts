import assert from 'node:assert/strict'
import { it } from 'node:test'
import { announcedText, momentOf } from './event-commands.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'

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

it('momentOf() takes a time without a zone, and a day alone, in that of here; and nothing else', (t) => {
  const { TZ: before } = process.env
  t.after(() => {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })
  process.env['TZ'] = 'Asia/Tokyo'
  for (const [text, wanted] of [
    ['2026-11-27', '2026-11-26T15:00:00.000Z'],
    ['2026-11-27T00:00', '2026-11-26T15:00:00.000Z'],
    ['2026-11-27 09:30:15', '2026-11-27T00:30:15.000Z'],
    ['2026-11-27T00:00Z', '2026-11-27T00:00:00.000Z'],
    ['2026-11-27T00:00+01:00', '2026-11-26T23:00:00.000Z'],
  ] as const) {
    assert.equal(momentOf(text), wanted)
  }
  for (const text of [
    '1',
    '2026',
    '2026-13-01',
    '2026-02-30',
    '27 Nov 2026',
    '2026-11-27T25:00',
    '',
  ]) {
    assert.throws(
      () => momentOf(text),
      (error) => exitCodeOf(error) === EXIT.usage,
      text,
    )
  }
})
