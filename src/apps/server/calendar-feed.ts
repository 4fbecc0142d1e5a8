/**
 * The calendars of `forecast.calendars`, read at start, again each hour, and files when they change. One that cannot be read is
 * said in the log, its events stay as they were, and the others go on.
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises'
import { CALENDAR_CHARS_MAX } from '../../adapters/ical/read-calendar.ts'
import { watchFiles } from '../../adapters/node/file-watch.ts'
import type { Log } from '../../adapters/node/json-log.ts'
import type { Clock } from '../../ground/clock.ts'
import { type ReadCalendar, readCalendarInThread } from './calendar-reading.ts'
import { calendarName } from './config/calendar-schema.ts'
import type { Config } from './config/schema.ts'
import type { EventDesk } from './event-desk.ts'

type CalendarConfig = Config['forecast']['calendars'][number]

export interface CalendarState {
  readonly name: string
  readonly pool: string | null
  /** When it was last read whole, milliseconds since the Unix epoch; null: not yet. */
  readonly readAt: number | null
  readonly events: number
  /** Why the last reading failed. */
  readonly failure: string | null
  readonly refused: readonly string[]
  readonly left: number
}

export interface CalendarFeed {
  list(): readonly CalendarState[]
  close(): void
}

export interface CalendarFeedOptions {
  readonly calendars: readonly CalendarConfig[]
  readonly desk: Pick<EventDesk, 'takeCalendar'>
  readonly clock: Clock
  readonly log: Log
  readonly read?: ReadCalendar
}

/** Days ahead that events are taken from. Forecasts look an hour ahead: the rest is for people. */
const DAYS_AHEAD = 14
const EVERY_MS = 3_600_000
const FETCH_MS_MAX = 10_000

export function feedCalendars(options: CalendarFeedOptions): CalendarFeed {
  const { calendars, log } = options
  const states = calendars.map(
    (calendar): CalendarState => ({
      ...{ name: calendarName(calendar), pool: calendar.pool ?? null, readAt: null },
      ...{ events: 0, failure: null, refused: [], left: 0 },
    }),
  )
  let isClosed = false
  let reading: Promise<void> = Promise.resolve()
  const readAll = (only: (calendar: CalendarConfig) => boolean): void => {
    reading = reading.then(async () => {
      for (const [i, calendar] of calendars.entries()) {
        const before = states[i]
        if (isClosed || before === undefined || !only(calendar)) continue
        states[i] = await readOne(calendar, before, options)
      }
    })
  }
  const watch = watchFiles({
    onChange: () => readAll((calendar) => 'file' in calendar),
    onBlind: (folder, error) =>
      log.warn({ folder, err: error }, 'Changes of calendars here are seen within the hour only'),
  })
  watch.set(calendars.flatMap((calendar) => ('file' in calendar ? [calendar.file] : [])))
  const timer = setInterval(() => readAll(() => true), EVERY_MS)
  timer.unref()
  readAll(() => true)
  return {
    list: () => [...states],
    close() {
      isClosed = true
      clearInterval(timer)
      watch.close()
    },
  }
}

async function readOne(
  calendar: CalendarConfig,
  before: CalendarState,
  { desk, clock, log, read = readCalendarInThread }: CalendarFeedOptions,
): Promise<CalendarState> {
  const { name, pool } = before
  const now = clock.now()
  const fail = (failure: string): CalendarState => {
    if (failure !== before.failure)
      log.error({ calendar: name, reason: failure }, 'Calendar refused')
    return { ...before, failure }
  }
  const text = await textOf(calendar).catch((error: unknown) => ({ failure: reasonOf(error) }))
  if (typeof text !== 'string') return fail(text.failure)
  const fromS = now / 1000
  const window = { fromS, untilS: fromS + DAYS_AHEAD * 86_400, kindBy: calendar.kind }
  const outcome = await read({ text, window })
  if (outcome.kind === 'refused') return fail(outcome.reason)
  const { events, refused, left } = outcome.read
  await desk.takeCalendar({ source: name, pool }, events)
  if (left > 0 && left !== before.left) {
    log.warn({ calendar: name, left, refused }, 'Events of a calendar were left out')
  }
  return { name, pool, readAt: now, events: events.length, failure: null, refused, left }
}

async function textOf(calendar: CalendarConfig): Promise<string> {
  if ('url' in calendar) return await fetched(calendar.url)
  // Looked at before: a wrong path must not be read into memory whole.
  const { size } = await stat(calendar.file)
  if (size > CALENDAR_CHARS_MAX) throw new Error(`is larger than ${CALENDAR_CHARS_MAX} bytes`)
  return await readFile(calendar.file, 'utf8')
}

/** Redirects are not followed: whoever serves the calendar does not choose where else we ask. */
async function fetched(url: string): Promise<string> {
  const signal = AbortSignal.timeout(FETCH_MS_MAX)
  const headers = { accept: 'text/calendar' }
  const response = await fetch(url, { signal, headers, redirect: 'error' })
  if (!response.ok || response.body === null) throw new Error(`was answered ${response.status}`)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > CALENDAR_CHARS_MAX) throw new Error(`is larger than ${CALENDAR_CHARS_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Codes of the system, and our own words: messages of `fetch` say less, and may quote the URL. */
function reasonOf(error: unknown): string {
  const { code, name, message, cause } = error as NodeJS.ErrnoException & { cause?: unknown }
  if (code === 'ENOENT') return 'no such file'
  if (typeof code === 'string') return code
  if (name === 'TimeoutError') return `was not answered within ${FETCH_MS_MAX} ms`
  if (name !== 'TypeError') return message
  const { code: inner } = (cause ?? {}) as { code?: unknown }
  return typeof inner === 'string' ? `cannot be asked for: ${inner}` : 'cannot be asked for'
}
