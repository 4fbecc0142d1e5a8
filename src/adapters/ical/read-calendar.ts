/**
 * Events of an iCalendar (RFC 5545) within a window of time: recurrences expanded (RRULE, RDATE, EXDATE, RECURRENCE-ID), times
 * in UTC. Parsing is `ical.js`; what it leaves open is decided here. A calendar that is none is refused as a whole; an event
 * that cannot be read is refused alone, as is a recurrence, and the others count.
 *
 * A rule can be written that costs more than any bound on its results: callers run this where it can be stopped
 * (`calendar-reading.ts` in `apps/server`).
 *
 * @module
 */
import ICAL from 'ical.js'
import {
  endOf,
  epochOf,
  type Length,
  lengthOf,
  lengthOfPeriod,
  readUntilInZone,
  timeIn,
} from './event-times.ts'

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
  /** Events and recurrences left out in all, those beyond the limits too. */
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
  const parsed = parseCalendars(text)
  if (typeof parsed === 'string') return { kind: 'refused', reason: parsed }
  return { kind: 'calendar', read: eventsOf(parsed, window) }
}

/** Why a calendar is refused as a whole; undefined when it is not. Looks at no rule, and so takes a moment only. */
export function calendarRefusal(text: string): string | undefined {
  const parsed = parseCalendars(text)
  return typeof parsed === 'string' ? parsed : undefined
}

function parseCalendars(text: string): readonly ICAL.Component[] | string {
  if (text.length > CALENDAR_CHARS_MAX) return `is longer than ${CALENDAR_CHARS_MAX} characters`
  try {
    // A byte order mark is no part of the first line.
    const jcal = ICAL.parse(text.replace(/^\uFEFF/, '')) as unknown[]
    // Several objects in one stream (RFC 5545, 3.4) come as an array of them.
    const calendars = (typeof jcal[0] === 'string' ? [jcal] : jcal).map(
      (one) => new ICAL.Component(one as string),
    )
    const are = calendars.length > 0 && calendars.every(({ name }) => name === 'vcalendar')
    return are ? calendars : 'is no VCALENDAR'
  } catch (error) {
    return `cannot be read: ${reasonOf(error)}`
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
      const refuse = (why: string): void => {
        if (refused.length >= REFUSALS_MAX) return
        refused.push(`${shown(one.master, 'uid') || 'an event'}: ${why}`)
      }
      try {
        const found = occurrencesOf(one, zoneOf(calendar), window)
        events.push(...found.events)
        for (const [reason, { which, count }] of found.lost) {
          left += count
          refuse(`${which}${count > 1 ? ` and ${count - 1} times more` : ''}: ${reason}`)
        }
      } catch (error) {
        left++
        refuse(reasonOf(error))
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

type Occurrence = CalendarRead['events'][number]

interface Found {
  readonly events: Occurrence[]
  /** Recurrences left out, by why: the first of them, and how many. */
  readonly lost: Map<string, { readonly which: string; readonly count: number }>
}

interface Recurrence {
  readonly start: ICAL.Time
  /** Where its start is from. */
  readonly property: ICAL.Property
  /** Its own (RDATE of periods); else that of its event. */
  readonly length?: Length
}

interface DatedRecurrence extends Recurrence {
  /** When it begins unless it was changed. */
  readonly atS: number
}

function occurrencesOf({ master, changed }: Master, zone: string, window: CalendarWindow): Found {
  const found: Found = { events: [], lost: new Map() }
  if (isCancelled(master)) return found
  const { time: start, property } = timeIn(master, 'dtstart')
  const add = (item: ICAL.Component, one: Recurrence): void => {
    const occurrence = occurrenceOf(item, one, zone, window)
    if (occurrence !== undefined) found.events.push(occurrence)
  }
  const recurs = master.hasProperty('rrule') || master.hasProperty('rdate')
  if (!recurs || master.hasProperty('recurrence-id')) {
    add(master, { start, property })
    return found
  }
  const excluded = takeExclusions(master, zone)
  const ruled = lengthOf(master, zone)
  const changedAt = changesOf(changed, zone, found)
  const dates = takeDates(master, zone, found)
  const event = new ICAL.Event(master, { exceptions: [...changedAt.values()] })
  for (const { atS, ...one } of recurrencesOf(event, dates, zone, window)) {
    if (found.events.length > OCCURRENCES_MAX) break
    if (excluded.has(String(atS)) || excluded.has(dayOf(one.start))) continue
    try {
      const direct = changedAt.get(atS)
      if (direct !== undefined) {
        const own = timeIn(direct, 'dtstart')
        add(direct, { start: own.time, property: own.property })
        continue
      }
      // RANGE=THISANDFUTURE (RFC 5545, 3.2.13).
      const { item, startDate } = event.getOccurrenceDetails(one.start)
      if (item.component === master) add(master, { length: ruled, ...one })
      else {
        const from = timeIn(item.component, 'dtstart')
        add(item.component, { start: startDate, property: from.property })
      }
    } catch (error) {
      if (atS + DURATION_MAX_S < window.fromS || atS >= window.untilS) continue
      lose(found, `on ${one.start.toString().slice(0, 10)}`, error)
    }
  }
  return found
}

function lose({ lost }: Found, one: string, error: unknown): void {
  const reason = reasonOf(error)
  const { which, count } = lost.get(reason) ?? { which: one, count: 0 }
  lost.set(reason, { which, count: count + 1 })
}

/** undefined: not in the window, or cancelled. */
function occurrenceOf(
  item: ICAL.Component,
  { start, property, length }: Recurrence,
  zone: string,
  window: CalendarWindow,
): Occurrence | undefined {
  if (isCancelled(item)) return undefined
  const startS = epochOf(start, property, zone)
  const endS = endOf(start, property, length ?? lengthOf(item, zone), zone)
  if (!(endS > startS)) throw new Error('ends when it begins')
  if (endS - startS > DURATION_MAX_S) throw new Error('is longer than a month')
  if (endS <= window.fromS || startS >= window.untilS) return undefined
  return { kind: kindOf(item, window), startS, endS }
}

/** By the time they were to be at: RECURRENCE-ID may be in UTC where the event is not. */
function changesOf(
  changed: readonly ICAL.Component[],
  zone: string,
  found: Found,
): ReadonlyMap<number, ICAL.Component> {
  const changes = new Map<number, ICAL.Component>()
  for (const one of changed) {
    try {
      const { time, property } = timeIn(one, 'recurrence-id')
      changes.set(epochOf(time, property, zone), one)
    } catch (error) {
      lose(found, 'a changed recurrence', error)
    }
  }
  return changes
}

/** Those of the rules, or the first; then those of RDATE that are others (RFC 5545, 3.8.5.2). */
function* recurrencesOf(
  event: ICAL.Event,
  dates: readonly DatedRecurrence[],
  zone: string,
  window: CalendarWindow,
): Generator<DatedRecurrence> {
  const { component: master } = event
  const { time: first, property } = timeIn(master, 'dtstart')
  readUntilInZone(master, zone)
  const seen = new Set<number>()
  const recurrences = master.hasProperty('rrule') ? event.iterator() : [first].values()
  for (let step = 0; ; step++) {
    const next = recurrences.next()
    const start = next instanceof ICAL.Time ? next : next?.value
    if (!start) break
    const atS = epochOf(start, property, zone)
    // A changed recurrence may come sooner than where the rule puts it: a month sooner is looked for.
    if (atS >= window.untilS + DURATION_MAX_S) break
    if (step + dates.length >= STEPS_MAX) {
      throw new Error(`recurs more than ${STEPS_MAX} times until today`)
    }
    seen.add(atS)
    yield { start, property, atS }
  }
  for (const one of dates) {
    if (seen.has(one.atS)) continue
    seen.add(one.atS)
    yield one
  }
}

/** Taken out of the event: `ical.js` compares periods with times, and times of zones it does not know with UTC. */
function takeDates(master: ICAL.Component, zone: string, found: Found): readonly DatedRecurrence[] {
  const dates: DatedRecurrence[] = []
  for (const property of master.getAllProperties('rdate')) {
    try {
      for (const value of property.getValues()) dates.push(dateOf(value, property, zone))
    } catch (error) {
      lose(found, 'an RDATE', error)
    }
  }
  master.removeAllProperties('rdate')
  return dates
}

function dateOf(value: unknown, property: ICAL.Property, zone: string): DatedRecurrence {
  if (value instanceof ICAL.Time) {
    return { start: value, property, atS: epochOf(value, property, zone) }
  }
  if (!(value instanceof ICAL.Period)) throw new Error('is no time')
  const { start } = value
  const length = lengthOfPeriod(value, property, zone)
  return { start, property, length, atS: epochOf(start, property, zone) }
}

/**
 * Times and whole days that are excluded. Taken out of the event: the expansion of `ical.js` passes at most one of them per
 * recurrence, and so misses one that follows others which match nothing.
 */
function takeExclusions(master: ICAL.Component, zone: string): ReadonlySet<string> {
  const excluded = new Set<string>()
  for (const property of master.getAllProperties('exdate')) {
    for (const value of property.getValues()) {
      if (!(value instanceof ICAL.Time)) throw new Error('has an EXDATE that is no time')
      excluded.add(value.isDate ? dayOf(value) : String(epochOf(value, property, zone)))
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

/** What a parser says may quote the file: cut. What it does not expect it stumbles over, and says nothing of the file. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError || error instanceof RangeError) {
    return 'is not written as iCalendar is (RFC 5545, 3.1 and 3.4)'
  }
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/[\p{C}\s]+/gu, ' ').slice(0, 120)
}
