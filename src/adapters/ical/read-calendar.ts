/**
 * Events of an iCalendar (RFC 5545) within a window of time: recurrences expanded (RRULE, RDATE, EXDATE, RECURRENCE-ID), times
 * in UTC. Parsing is `ical.js`; what it leaves open is decided here. A calendar that is none is refused as a whole; an event
 * that cannot be read is refused alone, and the others count.
 *
 * A rule can be written that costs more than any bound on its results: callers run this where it can be stopped
 * (`calendar-reading.ts` in `apps/server`).
 *
 * @module
 */
import ICAL from 'ical.js'

export interface CalendarWindow {
  /** Events that end after `fromS` and begin before `untilS`, seconds since the epoch. */
  readonly fromS: number
  readonly untilS: number
  /** What an event is an event of: its first category, else its summary; or its summary always. */
  readonly kindBy: 'categories' | 'summary'
}

export interface CalendarRead {
  /** In the order of their begin; the first {@link OCCURRENCES_MAX}. */
  readonly events: readonly {
    readonly kind: string
    readonly startS: number
    readonly endS: number
  }[]
  /** Events left out, and why; at most {@link REFUSALS_MAX} of them. */
  readonly refused: readonly string[]
  /** Events left out in all, those beyond the limits too. */
  readonly left: number
}

export type CalendarOutcome =
  | { readonly kind: 'calendar'; readonly read: CalendarRead }
  | { readonly kind: 'refused'; readonly reason: string }

/** Characters; ten thousand events of 100 characters each. */
export const CALENDAR_CHARS_MAX = 1_048_576
/** VEVENTs read; further ones are left out. */
const EVENTS_READ_MAX = 5000
/** As many as a forecaster's calendar holds (`forecast/calendar.ts`). */
export const OCCURRENCES_MAX = 256
/** Recurrences gone through to reach the window, 45 us each: an hourly event for two years, a daily one for fifty. */
const STEPS_MAX = 20_000
/** Names of kinds; longer ones are cut. */
export const KIND_MAX = 64
const REFUSALS_MAX = 20
/** Longer than a month is a season, not an event. */
const DURATION_MAX_S = 31 * 86_400

export function readCalendar(text: string, window: CalendarWindow): CalendarOutcome {
  if (text.length > CALENDAR_CHARS_MAX) {
    return { kind: 'refused', reason: `is longer than ${CALENDAR_CHARS_MAX} characters` }
  }
  try {
    const jcal = ICAL.parse(text) as unknown[]
    // Several objects in one stream (RFC 5545, 3.4) come as an array of them.
    const calendars = (typeof jcal[0] === 'string' ? [jcal] : jcal).map(
      (one) => new ICAL.Component(one as string),
    )
    if (calendars.length === 0 || calendars.some(({ name }) => name !== 'vcalendar')) {
      return { kind: 'refused', reason: 'is no VCALENDAR' }
    }
    return { kind: 'calendar', read: eventsOf(calendars, window) }
  } catch (error) {
    return { kind: 'refused', reason: `cannot be read: ${reasonOf(error)}` }
  }
}

function eventsOf(calendars: readonly ICAL.Component[], window: CalendarWindow): CalendarRead {
  const events: CalendarRead['events'][number][] = []
  const refused: string[] = []
  let left = 0
  for (const calendar of calendars) {
    const components = calendar.getAllSubcomponents('vevent')
    left += Math.max(0, components.length - EVENTS_READ_MAX)
    for (const one of mastersOf(components.slice(0, EVENTS_READ_MAX))) {
      try {
        events.push(...occurrencesOf(one, zoneOf(calendar), window))
      } catch (error) {
        left++
        if (refused.length < REFUSALS_MAX) {
          refused.push(`${shown(one.master, 'uid') || 'an event'}: ${reasonOf(error)}`)
        }
      }
    }
  }
  events.sort((a, b) => a.startS - b.startS || (a.kind < b.kind ? -1 : 1))
  left += Math.max(0, events.length - OCCURRENCES_MAX)
  return { events: events.slice(0, OCCURRENCES_MAX), refused, left }
}

interface Master {
  readonly master: ICAL.Component
  /** Those of its recurrences that were changed (RFC 5545, 3.8.4.4). */
  readonly changed: readonly ICAL.Component[]
}

/** An event with its changed recurrences, by UID; a changed one whose event is missing stands alone. */
function mastersOf(components: readonly ICAL.Component[]): readonly Master[] {
  const isChanged = (one: ICAL.Component): boolean => one.hasProperty('recurrence-id')
  const changes = Map.groupBy(components.filter(isChanged), (one) => shown(one, 'uid'))
  const masters = components.filter((one) => !isChanged(one))
  const known = new Set(masters.map((one) => shown(one, 'uid')))
  const alone = components.filter((one) => isChanged(one) && !known.has(shown(one, 'uid')))
  return [
    ...masters.map((master) => ({ master, changed: changes.get(shown(master, 'uid')) ?? [] })),
    ...alone.map((master) => ({ master, changed: [] })),
  ]
}

function occurrencesOf(
  { master, changed }: Master,
  floatingZone: string,
  window: CalendarWindow,
): CalendarRead['events'][number][] {
  if (isCancelled(master)) return []
  const events: CalendarRead['events'][number][] = []
  const inUtc = (time: ICAL.Time, of: ICAL.Component, property: string): number =>
    epochOf(time, of, property, floatingZone)
  const add = (item: ICAL.Event, start: ICAL.Time, end: ICAL.Time): void => {
    if (isCancelled(item.component)) return
    const startS = inUtc(start, item.component, 'dtstart')
    const ownEnd = item.component.hasProperty('dtend') ? 'dtend' : 'dtstart'
    const endS = inUtc(end, item.component, ownEnd)
    if (!(endS > startS)) throw new Error('ends when it begins')
    if (endS - startS > DURATION_MAX_S) throw new Error('is longer than a month')
    if (endS > window.fromS && startS < window.untilS) {
      events.push({ kind: kindOf(item.component, window), startS, endS })
    }
  }
  const event = new ICAL.Event(master, { exceptions: [...changed] })
  if (event.startDate === null) throw new Error('has no DTSTART')
  if (!event.isRecurring() || event.isRecurrenceException()) {
    add(event, event.startDate, event.endDate)
    return events
  }
  const excluded = takeExclusions(master, inUtc)
  const recurrences = event.iterator()
  for (let step = 0; ; step++) {
    const next = recurrences.next()
    if (!next) break
    const atS = inUtc(next, master, 'dtstart')
    // A changed recurrence may come sooner than where the rule puts it: a month sooner is looked for.
    if (atS >= window.untilS + DURATION_MAX_S || events.length > OCCURRENCES_MAX) break
    if (step >= STEPS_MAX) throw new Error(`recurs more than ${STEPS_MAX} times until today`)
    if (excluded.has(String(atS)) || excluded.has(dayOf(next))) continue
    const { item, startDate, endDate } = event.getOccurrenceDetails(next)
    add(item, startDate, endDate)
  }
  return events
}

/**
 * Times and whole days that are excluded. Taken out of the event: the expansion of `ical.js` passes at most one of them per
 * recurrence, and so misses one that follows others which match nothing.
 */
function takeExclusions(
  master: ICAL.Component,
  inUtc: (time: ICAL.Time, of: ICAL.Component, property: string) => number,
): ReadonlySet<string> {
  const excluded = new Set<string>()
  for (const property of master.getAllProperties('exdate')) {
    for (const value of property.getValues()) {
      if (!(value instanceof ICAL.Time)) throw new Error('has an EXDATE that is no time')
      excluded.add(value.isDate ? dayOf(value) : String(inUtc(value, master, 'exdate')))
    }
  }
  master.removeAllProperties('exdate')
  return excluded
}

const dayOf = ({ year, month, day }: ICAL.Time): string => `${year}-${month}-${day}`

function isCancelled(component: ICAL.Component): boolean {
  return shown(component, 'status').toUpperCase() === 'CANCELLED'
}

function kindOf(component: ICAL.Component, { kindBy }: CalendarWindow): string {
  const category = kindBy === 'categories' ? shown(component, 'categories') : ''
  const kind = category === '' ? shown(component, 'summary') : category
  if (kind === '') throw new Error('has neither SUMMARY nor CATEGORIES')
  return kind
}

/** The first value of a property in one line of printable characters, cut to {@link KIND_MAX}. */
function shown(component: ICAL.Component, property: string): string {
  const value = component.getFirstPropertyValue(property)
  if (typeof value !== 'string') return ''
  return value
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, KIND_MAX)
}

/** The zone of times that name none: X-WR-TIMEZONE, which calendars of the large providers have; else UTC. */
function zoneOf(calendar: ICAL.Component): string {
  return shown(calendar, 'x-wr-timezone') || 'UTC'
}

/** A zone is that of the file's VTIMEZONE, else one the system knows by its name (RFC 7808), else refused. */
function epochOf(
  time: ICAL.Time,
  component: ICAL.Component,
  property: string,
  floatingZone: string,
): number {
  const seconds = time.toUnixTime()
  if (!Number.isFinite(seconds)) throw new Error('has a time that is none')
  // ical.js takes a time without a zone it knows for UTC.
  if (time.zone !== ICAL.Timezone.localTimezone) return seconds
  const named = component.getFirstProperty(property)?.getParameter('tzid')
  return seconds - offsetAt(typeof named === 'string' ? named : floatingZone, seconds)
}

/** Seconds that clocks in `zone` are ahead of UTC when they show `wallS`; a time that a switch skips is read by the one before. */
function offsetAt(zone: string, wallS: number): number {
  const first = offsetOf(zone, wallS)
  return offsetOf(zone, wallS - first)
}

const formats = new Map<string, Intl.DateTimeFormat>()
/** Zones in one calendar; each is some kilobytes. */
const ZONES_MAX = 64

function offsetOf(zone: string, atS: number): number {
  const parts = formatOf(zone).formatToParts(atS * 1000)
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const match = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name)
  if (match === null) throw new Error('is in a time zone that cannot be read')
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match
  return (sign === '-' ? -1 : 1) * (3600 * Number(hours) + 60 * Number(minutes) + Number(seconds))
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  if (formats.size >= ZONES_MAX) throw new Error('is in one time zone too many')
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    formats.set(zone, format)
    return format
  } catch {
    throw new Error('is in a time zone that neither the file nor the system knows')
  }
}

/** What a parser says may quote the file: cut. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/[\p{C}\s]+/gu, ' ').slice(0, 120)
}
