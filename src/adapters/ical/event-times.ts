/**
 * When an event of an iCalendar (RFC 5545) is, in seconds since the epoch: times of zones that the file defines or only names,
 * lengths, and ends of rules.
 *
 * @module
 */
import ICAL from 'ical.js'

/** From begin to end: days as the calendar of the zone has them, then seconds (RFC 5545, 3.3.6). */
export interface Length {
  readonly days: number
  readonly seconds: number
}

const DAY_S = 86_400
/** Of clocks; more is where the rules of a VTIMEZONE begin. */
const SWITCH_MAX_S = 7200

/** The property of that name, whose value is a time. */
export function timeIn(
  component: ICAL.Component,
  name: string,
): { readonly time: ICAL.Time; readonly property: ICAL.Property } {
  const property = component.getFirstProperty(name)
  if (property === null) throw new Error(`has no ${name.toUpperCase()}`)
  const time = property.getFirstValue() as unknown
  if (!(time instanceof ICAL.Time)) throw new Error(`has a ${name.toUpperCase()} that is no time`)
  return { time, property }
}

/**
 * A zone is that of the file's VTIMEZONE, else one the system knows by its name (RFC 7808), else refused.
 *
 * @param property where the time is from: its TZID counts
 */
export function epochOf(time: ICAL.Time, property: ICAL.Property, floatingZone: string): number {
  const seconds = time.toUnixTime()
  if (!Number.isFinite(seconds)) throw new Error('has a time that is none')
  // ical.js takes a time without a zone it knows for UTC.
  if (!isFloating(time)) return seconds + switchAt(time)
  return seconds - offsetAt(zoneNamed(property, floatingZone), seconds)
}

/** By DTEND, the exact one of all recurrences; by DURATION, the nominal one (RFC 5545, 3.8.5.3); else a day, or nothing. */
export function lengthOf(component: ICAL.Component, floatingZone: string): Length {
  const start = timeIn(component, 'dtstart')
  if (component.hasProperty('dtend')) {
    const end = timeIn(component, 'dtend')
    if (start.time.isDate && end.time.isDate) {
      const seconds = end.time.toUnixTime() - start.time.toUnixTime()
      return { days: Math.round(seconds / DAY_S), seconds: 0 }
    }
    const startS = epochOf(start.time, start.property, floatingZone)
    return { days: 0, seconds: epochOf(end.time, end.property, floatingZone) - startS }
  }
  const duration = component.getFirstPropertyValue('duration') as unknown
  if (duration === null) return { days: start.time.isDate ? 1 : 0, seconds: 0 }
  return lengthOfDuration(duration)
}

function lengthOfDuration(duration: unknown): Length {
  if (!(duration instanceof ICAL.Duration)) throw new Error('has a DURATION that is none')
  const { isNegative, weeks, days, hours, minutes, seconds } = duration
  const sign = isNegative ? -1 : 1
  return {
    days: sign * (7 * weeks + days),
    seconds: sign * (3600 * hours + 60 * minutes + seconds),
  }
}

/** Of an RDATE of periods (RFC 5545, 3.3.9). */
export function lengthOfPeriod(
  { start, end, duration }: ICAL.Period,
  property: ICAL.Property,
  floatingZone: string,
): Length {
  if (duration !== null) return lengthOfDuration(duration)
  const endS = epochOf(end, property, floatingZone)
  return { days: 0, seconds: endS - epochOf(start, property, floatingZone) }
}

/** Days are added first, to the time that clocks show (RFC 5545, 3.3.6). */
export function endOf(
  start: ICAL.Time,
  property: ICAL.Property,
  { days, seconds }: Length,
  floatingZone: string,
): number {
  if (days === 0) return epochOf(start, property, floatingZone) + seconds
  const day = start.clone()
  day.day += days
  return epochOf(day, property, floatingZone) + seconds
}

/** UNTIL is in UTC (RFC 5545, 3.3.10); `ical.js` compares it with what clocks show in a zone it does not know. */
export function readUntilInZone(master: ICAL.Component, floatingZone: string): void {
  const { time, property } = timeIn(master, 'dtstart')
  if (!isFloating(time)) return
  for (const rule of master.getAllProperties('rrule')) {
    const recur = rule.getFirstValue() as unknown
    if (!(recur instanceof ICAL.Recur)) throw new Error('has an RRULE that is none')
    const { until } = recur
    if (until === null || until.zone !== ICAL.Timezone.utcTimezone) continue
    const untilS = until.toUnixTime()
    const wallS = untilS + offsetOf(zoneNamed(property, floatingZone), untilS)
    recur.until = ICAL.Time.fromJSDate(new Date(wallS * 1000), true)
    recur.until.zone = ICAL.Timezone.localTimezone
  }
}

/** Seconds of a switch if this time is skipped or comes twice by it: `ical.js` reads it by the offset after that (as {@link offsetAt}). */
function switchAt(time: ICAL.Time): number {
  if (time.zone === ICAL.Timezone.utcTimezone) return 0
  const offsetAfter = (seconds: number): number => {
    const other = time.clone()
    other.second += seconds
    return other.utcOffset()
  }
  const before = offsetAfter(-DAY_S)
  const jump = time.utcOffset() - before
  const isSwitch = jump !== 0 && Math.abs(jump) <= SWITCH_MAX_S
  return isSwitch && offsetAfter(-Math.abs(jump)) === before ? jump : 0
}

function isFloating({ zone }: ICAL.Time): boolean {
  return zone === ICAL.Timezone.localTimezone
}

function zoneNamed(property: ICAL.Property, floatingZone: string): string {
  const named = property.getParameter('tzid')
  return typeof named === 'string' ? named : floatingZone
}

/**
 * Seconds that clocks in `zone` are ahead of UTC when they show `wallS`. A time that a switch skips is read by the offset before
 * it, one that comes twice is the first (RFC 5545, 3.3.5).
 */
function offsetAt(zone: string, wallS: number): number {
  const before = offsetOf(zone, wallS - DAY_S)
  const after = offsetOf(zone, wallS + DAY_S)
  if (before === after || offsetOf(zone, wallS - before) === before) return before
  return offsetOf(zone, wallS - after) === after ? after : before
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
