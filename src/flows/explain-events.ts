/**
 * The announced events of a pool as they are shown, with what those of their kind did to its load before.
 *
 * @module
 */
import { type Calendar, effectOf, eventsLearned } from '../forecast/calendar.ts'

export interface PoolEvent {
  readonly kind: string
  /** Milliseconds since the Unix epoch. */
  readonly startAt: number
  readonly endAt: number
  /** What events of that kind were seen to multiply the load by, shrunk; 1 while there was none. */
  readonly factor: number
  /** So many of them. */
  readonly learnedFrom: number
}

/** In the order of their begin. */
export function explainEvents(calendar: Calendar): readonly PoolEvent[] {
  return calendar.events
    .map(({ kind, startS, endS }) => ({
      ...{ kind, startAt: Math.round(startS * 1000), endAt: Math.round(endS * 1000) },
      factor: effectOf(calendar, kind),
      learnedFrom: eventsLearned(calendar, kind),
    }))
    .sort((a, b) => a.startAt - b.startAt)
}
