/**
 * The announced events of a running Limen (`flows/announced-events.ts`): told by people over the admin API and by calendars,
 * kept in storage so that a restart knows them, passed on to whoever forecasts.
 *
 * @module
 */
import type { Log } from '../../adapters/node/json-log.ts'
import {
  type Announced,
  announce,
  stillToCome,
  takeCalendar,
} from '../../flows/announced-events.ts'
import type { CalendarEvent } from '../../forecast/calendar.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import type { AnnouncedEvent, ForecastStore } from '../../ports/forecast-store.ts'

export interface EventDesk {
  /** Those that run and those to come. */
  list(): readonly AnnouncedEvent[]
  /** Resolves when it would survive a restart, or that failed and was logged. */
  announce(event: Omit<AnnouncedEvent, 'id' | 'source'>, id: string): Promise<Announced['kind']>
  /** Resolves to false when no such event was announced here: one of a calendar is changed there. */
  withdraw(id: string): Promise<boolean>
  /** What a calendar holds now, in the order of their begin, instead of what it held. */
  takeCalendar(
    calendar: { readonly source: string; readonly pool: string | null },
    found: readonly CalendarEvent[],
  ): Promise<void>
  newId(): string
  onChange(listener: () => void): void
}

/** The source of what came over the admin API. */
export const API_SOURCE = 'api'
const ID_BYTES = 8

/** @param sources names of the calendars there are now: events of others are dropped */
export async function openEventDesk(options: {
  readonly store: ForecastStore
  readonly sources: readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}): Promise<EventDesk> {
  const { store, sources, clock, random, log } = options
  const known = new Set([API_SOURCE, ...sources])
  const kept = await store.loadEvents().catch((error: unknown) => {
    log.error({ err: error }, 'Cannot read the announced events that were kept')
    return []
  })
  const listeners: (() => void)[] = []
  const nowS = (): number => clock.now() / 1000
  const newId = (): string => Buffer.from(random.bytes(ID_BYTES)).toString('hex')
  let events = kept.filter(({ source }) => known.has(source))

  const replace = async (next: readonly AnnouncedEvent[]): Promise<void> => {
    events = [...next]
    for (const listener of listeners) listener()
    await store.saveEvents(events).catch((error: unknown) => {
      log.error(
        { err: error },
        'Announced events cannot be kept: the next start will not know them',
      )
    })
  }
  const current = (): readonly AnnouncedEvent[] => stillToCome(events, nowS())

  return {
    list: current,
    async announce(event, id) {
      const outcome = announce(current(), { id, ...event, source: API_SOURCE })
      if (outcome.kind === 'announced') await replace(outcome.events)
      return outcome.kind
    },
    async withdraw(id) {
      const left = current().filter((one) => one.id !== id || one.source !== API_SOURCE)
      if (left.length === current().length) return false
      await replace(left)
      return true
    },
    async takeCalendar(calendar, found) {
      const before = current()
      const next = takeCalendar(before, calendar, found, newId)
      if (JSON.stringify(next) !== JSON.stringify(before)) await replace(next)
    },
    newId,
    onChange: (listener) => void listeners.push(listener),
  }
}
