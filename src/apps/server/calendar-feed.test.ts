import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openLog } from '../../adapters/node/json-log.ts'
import type { CalendarEvent } from '../../forecast/calendar.ts'
import { type CalendarFeed, feedCalendars } from './calendar-feed.ts'

const NOW = Date.UTC(2026, 10, 21, 12)
const calendarOf = (...starts: readonly string[]): string =>
  [
    'BEGIN:VCALENDAR',
    ...starts.flatMap((start) => [
      ...['BEGIN:VEVENT', `DTSTART:${start}`, 'DURATION:PT1H', 'SUMMARY:sale', 'END:VEVENT'],
    ]),
    'END:VCALENDAR',
  ].join('\r\n')

const folder = mkdtempSync(join(tmpdir(), 'limen-calendar-'))
after(() => rmSync(folder, { recursive: true }))

function feed(calendars: Parameters<typeof feedCalendars>[0]['calendars']) {
  const taken = new Map<string, readonly CalendarEvent[]>()
  const logs: string[] = []
  const opened: CalendarFeed = feedCalendars({
    calendars,
    desk: {
      async takeCalendar({ source }, found) {
        taken.set(source, found)
      },
    },
    clock: { now: () => NOW },
    log: openLog({ level: 'info', format: 'json', write: (line) => logs.push(line) }),
  })
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise<void>((resolve) => setTimeout(resolve, 20))
  }
  return { opened, taken, logs, until }
}

describe('feedCalendars()', () => {
  it('reads files, again when they change; one that is refused keeps its events, the others go on', async () => {
    const [good, bad] = [join(folder, 'good.ics'), join(folder, 'bad.ics')]
    writeFileSync(good, calendarOf('20261122T100000Z', '20261222T100000Z'))
    writeFileSync(bad, 'BEGIN:VCALENDAR')
    const { opened, taken, logs, until } = feed([
      { file: bad, kind: 'categories' },
      { file: good, kind: 'categories', pool: 'shop' },
      { file: join(folder, 'none.ics'), kind: 'categories' },
    ])
    try {
      const failed = () => opened.list().filter(({ failure }) => failure !== null).length
      await until(() => failed() === 2 && taken.size === 1)
      const startS = Date.UTC(2026, 10, 22, 10) / 1000
      const first = { kind: 'sale', startS, endS: startS + 3600 }
      assert.deepEqual(taken.get(good), [first], 'of the next 14 days')
      const [refused, read, missing] = opened.list()
      assert.match(refused?.failure ?? '', /cannot be read|invalid/)
      assert.deepEqual(
        [read?.pool, read?.readAt, read?.events, read?.failure],
        ['shop', NOW, 1, null],
      )
      assert.equal(missing?.failure, 'no such file')
      assert.equal(logs.filter((line) => line.includes('Calendar refused')).length, 2)

      writeFileSync(`${good}.new`, 'nonsense')
      renameSync(`${good}.new`, good)
      await until(() => failed() === 3)
      assert.deepEqual(taken.get(good), [first])
      writeFileSync(good, calendarOf('20261123T100000Z'))
      await until(() => failed() === 2)
      assert.equal(taken.get(good)?.[0]?.startS, startS + 86_400)
    } finally {
      opened.close()
    }
  })

  it('reads what a server answers, without its redirects, and names it without its query', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/cal?key=1' }).end()
      else if (request.url === '/gone') response.writeHead(404).end()
      else if (request.url === '/long') response.end('x'.repeat(1_048_577))
      else response.end(calendarOf('20261122T100000Z'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const urls = ['/cal?key=secret', '/moved', '/gone', '/long'].map((path) => ({
      ...{ url: origin + path, kind: 'summary' as const },
    }))
    const { opened, taken, logs, until } = feed(urls)
    try {
      await until(() => opened.list().every((one) => one.readAt !== null || one.failure !== null))
      assert.deepEqual([...taken.keys()], [`${origin}/cal`])
      assert.deepEqual(
        opened.list().map(({ failure }) => failure),
        [null, 'cannot be asked for', 'was answered 404', 'is larger than 1048576 bytes'],
      )
      assert.ok(!logs.join().includes('secret'))
    } finally {
      opened.close()
      server.closeAllConnections()
      server.close()
    }
  })
})
