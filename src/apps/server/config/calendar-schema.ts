/**
 * `forecast.calendars`: where events that load will follow are read from; what must hold between them and the rest.
 *
 * @module
 */
import { z } from 'zod'
import type { Blame, Complaint } from './complaint.ts'
import type { Config } from './schema.ts'

/** A file watched and a thread each hour; the events of all are 256 at most. */
const CALENDARS_MAX = 16
const URL_MAX = 2048

/** https, or http on this machine: who changes events changes forecasts. */
function isCalendarUrl(text: string): boolean {
  if (text.length > URL_MAX || !URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  return protocol === 'https:' || (protocol === 'http:' && isHere)
}

const common = {
  pool: z.string().min(1).optional().describe('Whose events they are; all pools without it.'),
  kind: z
    .enum(['categories', 'summary'])
    .default('categories')
    .describe(
      'What an event is an event of, for effects are learned by it: its first category (its summary where it has none), or its summary always.',
    ),
}

export const calendarsSchema = z
  .array(
    z.union([
      z.strictObject({
        file: z
          .string()
          .min(1, 'must name a file')
          .describe('iCalendar (RFC 5545); read again when it changes.'),
        ...common,
      }),
      z.strictObject({
        url: z
          .string()
          .refine(isCalendarUrl, 'must be https:// without a password, or http:// on loopback')
          .describe('iCalendar (RFC 5545); read again each hour.'),
        ...common,
      }),
    ]),
  )
  .max(CALENDARS_MAX)

export function checkCalendars({ forecast, pools }: Config, blame: Blame): readonly Complaint[] {
  const seen = new Set<string>()
  return forecast.calendars.flatMap((calendar, i) => {
    const found: Complaint[] = []
    const key = 'file' in calendar ? 'file' : 'url'
    const place = calendarName(calendar)
    if (seen.has(place)) found.push(blame(['forecast', 'calendars', i, key], 'is there twice'))
    seen.add(place)
    const { pool } = calendar
    if (pool !== undefined && pools.every(({ name }) => name !== pool)) {
      found.push(blame(['forecast', 'calendars', i, 'pool'], `there is no pool "${pool}"`))
    }
    return found
  })
}

/** As people see it, and as the source of its events: the file, or the URL without its query, which may hold a secret. */
export function calendarName(calendar: Config['forecast']['calendars'][number]): string {
  if ('file' in calendar) return calendar.file
  const { origin, pathname } = new URL(calendar.url)
  return origin + pathname
}
