import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { checkCalendarFiles } from './calendar-files.ts'
import { CONFIG_DEFAULTS } from './config/defaults.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-calendars-'))
after(() => rmSync(folder, { recursive: true }))

it('checkCalendarFiles() blames files that are missing, folders or no calendars', () => {
  const at = (name: string): string => join(folder, name)
  writeFileSync(at('good.ics'), 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n')
  writeFileSync(at('bad.ics'), 'hello')
  mkdirSync(at('folder.ics'))
  const calendars = [
    ...['good.ics', 'none.ics', 'folder.ics', 'bad.ics'].map((name) => ({
      file: at(name),
      kind: 'summary' as const,
    })),
    { url: 'https://a.example/x.ics', kind: 'summary' as const },
  ]
  const forecast = { ...CONFIG_DEFAULTS.forecast, calendars }
  const complaints = checkCalendarFiles({ forecast }, (path, text) => ({
    ...{ source: 'limen.yaml', path: path.join('.'), text },
  }))
  assert.deepEqual(
    complaints.map(({ path, text }) => [path, text.slice(0, 14)]),
    [
      ['forecast.calendars.1.file', 'no such file'],
      ['forecast.calendars.2.file', 'is no file'],
      ['forecast.calendars.3.file', 'cannot be read'],
    ],
  )
})
