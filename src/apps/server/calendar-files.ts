/**
 * The calendar files a configuration names, for `limen check`. A running Limen goes on without one that it cannot read
 * (`calendar-feed.ts`): what is said here keeps none from starting.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { CALENDAR_CHARS_MAX, calendarRefusal } from '../../adapters/ical/read-calendar.ts'
import type { Blame, Complaint } from './config/complaint.ts'
import type { Config } from './config/schema.ts'

export function checkCalendarFiles(
  { forecast }: Pick<Config, 'forecast'>,
  blame: Blame,
): readonly Complaint[] {
  return forecast.calendars.flatMap((calendar, i) => {
    const why = 'file' in calendar ? refusalOf(calendar.file) : undefined
    return why === undefined ? [] : [blame(['forecast', 'calendars', i, 'file'], why)]
  })
}

function refusalOf(file: string): string | undefined {
  try {
    const found = statSync(file)
    if (!found.isFile()) return 'is no file'
    if (found.size > CALENDAR_CHARS_MAX) return `is larger than ${CALENDAR_CHARS_MAX} bytes`
    return calendarRefusal(readFileSync(file, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? 'no such file' : `cannot be read: ${code}`
  }
}
