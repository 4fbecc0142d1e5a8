/**
 * The events that load is expected to follow, of all pools: announced one by one, or read from calendars, each calendar's
 * replaced as a whole when it is read again. The calendar of each pool's forecaster (`forecast/calendar.ts`), which learns
 * what events do, is told of them; an event that is over is left to it.
 *
 * @module
 */
import {
  anticipate,
  type Calendar,
  type CalendarEvent,
  EVENTS_MAX,
  withdraw,
} from '../forecast/calendar.ts'
import type { AnnouncedEvent } from '../ports/forecast-store.ts'

/** Events held in all: what the calendar of one pool holds, and events may be of all pools. */
export const ANNOUNCED_MAX = EVENTS_MAX

/** `known`: there is one of that kind and begin for that pool. `full`: {@link ANNOUNCED_MAX}. */
export type Announced =
  | { readonly kind: 'announced'; readonly events: readonly AnnouncedEvent[] }
  | { readonly kind: 'known' }
  | { readonly kind: 'full' }

/** Adds one. */
export function announce(events: readonly AnnouncedEvent[], event: AnnouncedEvent): Announced {
  if (events.some((one) => isSame(one, event))) return { kind: 'known' }
  if (events.length >= ANNOUNCED_MAX) return { kind: 'full' }
  return { kind: 'announced', events: [...events, event] }
}

/**
 * What a calendar says now, instead of what it said before. Events that were there keep their ids. Where there is not room
 * for all, the first to come are taken.
 *
 * @param found in the order of their begin
 */
export function takeCalendar(
  events: readonly AnnouncedEvent[],
  calendar: { readonly source: string; readonly pool: string | null },
  found: readonly CalendarEvent[],
  newId: () => string,
): readonly AnnouncedEvent[] {
  const { source, pool } = calendar
  const taken = events.filter((one) => one.source !== source)
  const before = events.filter((one) => one.source === source)
  for (const { kind, startS, endS } of found) {
    const event = { pool, kind, startS, endS, source }
    if (taken.length >= ANNOUNCED_MAX) break
    if (taken.some((one) => isSame(one, event))) continue
    taken.push({ id: before.find((one) => isSame(one, event))?.id ?? newId(), ...event })
  }
  return taken
}

/** Those that are not over. */
export function stillToCome(
  events: readonly AnnouncedEvent[],
  nowS: number,
): readonly AnnouncedEvent[] {
  return events.filter(({ endS }) => endS > nowS)
}

/** Makes the calendar of a pool hold what is announced for it; what is over there is left to be learned from. */
export function tellCalendar(
  calendar: Calendar,
  pool: string,
  events: readonly AnnouncedEvent[],
  nowS: number,
): void {
  const wanted = stillToCome(events, nowS).filter((one) => one.pool === null || one.pool === pool)
  const ends = new Map(wanted.map((one) => [keyOf(one), one.endS]))
  for (const held of stillHeld(calendar, nowS)) {
    if (ends.get(keyOf(held)) !== held.endS) withdraw(calendar, held)
  }
  for (const one of wanted) anticipate(calendar, one)
}

function stillHeld({ events }: Calendar, nowS: number): readonly CalendarEvent[] {
  return events.filter(({ endS }) => endS > nowS)
}

function isSame(
  a: Omit<AnnouncedEvent, 'id' | 'endS' | 'source'>,
  b: Omit<AnnouncedEvent, 'id' | 'endS' | 'source'>,
): boolean {
  return a.pool === b.pool && keyOf(a) === keyOf(b)
}

const keyOf = ({ kind, startS }: Pick<CalendarEvent, 'kind' | 'startS'>): string =>
  `${startS} ${kind}`
