/**
 * Events known beforehand (a sale, a match, a release) and what those of the same kind did to the load before: a factor,
 * shrunk towards none and bounded. It is learned and used only across an event's edge, from an origin outside to a target
 * inside; further on the level itself tells. Reading iCalendar is not here but in `adapters/ical`.
 *
 * @module
 */

export interface CalendarEvent {
  readonly kind: string
  readonly startS: number
  readonly endS: number
}

interface RunningEvent extends CalendarEvent {
  /** Sums over the targets inside whose origin was before. */
  expected: number
  actual: number
}

/** Plain data. */
export interface Calendar {
  /** Events to come and running, in the order they were told. */
  readonly events: RunningEvent[]
  readonly learned: { readonly kind: string; events: number; logFactors: number }[]
}

/** Events and kinds held; further ones are refused. */
export const EVENTS_MAX = 256
/** No kind of event changes the load by more than this factor, up or down, whatever was seen once. */
export const FACTOR_MAX = 10
/** As many events without effect are taken for granted before the first: one alone counts half. */
const SHRINK_EVENTS = 1

export function openCalendar(): Calendar {
  return { events: [], learned: [] }
}

/** @returns whether it is held: not when it ends before it begins, is there already, or there are too many */
export function anticipate({ events }: Calendar, { kind, startS, endS }: CalendarEvent): boolean {
  const there = events.some((event) => event.kind === kind && event.startS === startS)
  if (!(endS > startS) || there || events.length >= EVENTS_MAX) return false
  events.push({ kind, startS, endS, expected: 0, actual: 0 })
  return true
}

/** The event is not to come after all: nothing is learned from it. @returns whether it was held */
export function withdraw(
  { events }: Calendar,
  { kind, startS }: Pick<CalendarEvent, 'kind' | 'startS'>,
): boolean {
  const at = events.findIndex((event) => event.kind === kind && event.startS === startS)
  if (at >= 0) events.splice(at, 1)
  return at >= 0
}

/** What to multiply a forecast made at `originS` for `targetS` by. */
export function factorAt(calendar: Calendar, originS: number, targetS: number): number {
  let log = 0
  for (const event of calendar.events) {
    const change = Number(isIn(event, targetS)) - Number(isIn(event, originS))
    if (change !== 0) log += change * logEffect(calendar, event.kind)
  }
  return Math.exp(bounded(log))
}

/** The factor that events of that kind have, as far as was learned: 1 for a kind never seen. */
export function effectOf(calendar: Calendar, kind: string): number {
  return Math.exp(logEffect(calendar, kind))
}

/** How many events of that kind it was learned from. */
export function eventsLearned({ learned }: Calendar, kind: string): number {
  return learned.find((known) => known.kind === kind)?.events ?? 0
}

/** What became of a forecast that knew of no event. Learned from once the event is over: {@link closeEvents}. */
export function noteOutcome(
  { events }: Calendar,
  originS: number,
  targetS: number,
  expected: number,
  actual: number,
): void {
  for (const event of events) {
    if (!isIn(event, targetS) || originS >= event.startS) continue
    event.expected += expected
    event.actual += actual
  }
}

/** Learns from the events that are over and forgets them. */
export function closeEvents(calendar: Calendar, nowS: number): void {
  for (let i = calendar.events.length - 1; i >= 0; i--) {
    const event = calendar.events[i]
    if (event === undefined || event.endS > nowS) continue
    calendar.events.splice(i, 1)
    if (event.expected > 0) learn(calendar, event)
  }
}

function learn({ learned }: Calendar, { kind, expected, actual }: RunningEvent): void {
  let effect = learned.find((known) => known.kind === kind)
  if (effect === undefined) {
    if (learned.length >= EVENTS_MAX) return
    effect = { kind, events: 0, logFactors: 0 }
    learned.push(effect)
  }
  effect.events++
  effect.logFactors += bounded(Math.log((actual + 1) / (expected + 1)))
}

function logEffect({ learned }: Calendar, kind: string): number {
  const effect = learned.find((known) => known.kind === kind)
  return effect === undefined ? 0 : bounded(effect.logFactors / (effect.events + SHRINK_EVENTS))
}

function isIn({ startS, endS }: CalendarEvent, atS: number): boolean {
  return atS >= startS && atS < endS
}

function bounded(log: number): number {
  return Math.min(Math.log(FACTOR_MAX), Math.max(-Math.log(FACTOR_MAX), log))
}
