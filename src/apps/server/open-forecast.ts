/**
 * Composes the forecasts of load of a running Limen: storage, announced events, calendars, the forecasts themselves.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import type { Log } from '../../adapters/node/json-log.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import type { DataPlane } from '../../ports/data-plane.ts'
import type { ForecastStore } from '../../ports/forecast-store.ts'
import { type CalendarFeed, feedCalendars } from './calendar-feed.ts'
import { calendarName } from './config/calendar-schema.ts'
import type { Config } from './config/schema.ts'
import { type EventDesk, openEventDesk } from './event-desk.ts'
import { fitForecastInThread } from './forecast-fitting.ts'
import { openForecastStorage } from './forecast-storage.ts'
import { forecastLoad, type LoadForecast } from './load-forecast.ts'

export interface ForecastEvents {
  readonly desk: EventDesk
  readonly calendars: Pick<CalendarFeed, 'list'>
}

/** All undefined where forecasts are off. */
export interface OpenForecast {
  /** Undefined where no pool is served, as `events`. */
  readonly forecast: LoadForecast | undefined
  readonly events: ForecastEvents | undefined
  /** A key server of other edges has it, too. */
  readonly store: ForecastStore | undefined
}

/** @param opened what must be closed again, in order */
export async function openForecast(
  stepS: number | undefined,
  world: {
    readonly config: Config
    readonly recordKey: KeyObject
    readonly plane: DataPlane
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
  },
  opened: (() => void | Promise<void>)[],
): Promise<OpenForecast> {
  const { config, clock, random, log } = world
  const { enabled, calendars } = config.forecast
  const isUsed = config.pools.length > 0 || config.sessions.cluster !== undefined
  if (!enabled || !isUsed) return { forecast: undefined, events: undefined, store: undefined }
  const store = await openForecastStorage(config, world.recordKey, random, log)
  opened.push(() => store.close())
  if (config.pools.length === 0) return { forecast: undefined, events: undefined, store }
  const desk = await openEventDesk({
    ...{ store, clock, random, log, sources: calendars.map(calendarName) },
  })
  const forecast = await forecastLoad({
    ...{ ...world, store, fit: fitForecastInThread, events: desk },
    ...(stepS === undefined ? {} : { stepS }),
  })
  opened.push(() => forecast.close())
  const feed = feedCalendars({ calendars, desk, clock, log })
  opened.push(() => feed.close())
  return { forecast, events: { desk, calendars: feed }, store }
}
