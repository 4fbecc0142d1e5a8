/**
 * Forecasts of the load of each pool, and the events that it is expected to follow: figures, nobody's name. Each change is in
 * the audit log before it happens.
 *
 * @module
 */
import { z } from 'zod'
import type { AnnouncedEvent } from '../../../ports/forecast-store.ts'
import { API_SOURCE } from '../event-desk.ts'
import type { LoadForecast } from '../load-forecast.ts'
import type { ForecastEvents } from '../open-forecast.ts'
import {
  type AnnouncedEventView,
  announcedEventView,
  announcedView,
  forecastCurveView,
  forecastView,
  newEvent,
} from './forecast-views.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'

const eventId = z.string().regex(/^[0-9a-f]{16}$/, 'must be the id of an event')
const pool = z.string().min(1).max(63).describe('Its name in the configuration.')

export function forecastRoutes(app: AdminApp, room: AdminRoom): void {
  const { forecast } = room
  eventRoutes(app, room)
  const forecasts = (): LoadForecast => orOff(forecast)
  app.get(
    '/v1/forecasts',
    {
      config: { right: 'figures' },
      schema: { response: { 200: z.array(forecastView).readonly(), ...problems } },
    },
    async () =>
      forecasts()
        .list()
        .map(({ summary }) => summary),
  )
  app.get(
    '/v1/forecasts/:pool',
    {
      config: { right: 'figures' },
      schema: {
        params: z.strictObject({ pool }),
        response: { 200: forecastCurveView, ...problems },
      },
    },
    async ({ params }) => {
      const found = forecasts()
        .list()
        .find(({ summary }) => summary.pool === params.pool)
      if (found === undefined) throw new Problem('not-found', 'No such pool has a forecast yet')
      return { ...found.summary, ...found.curve }
    },
  )
}

/** Before `/v1/forecasts/:pool`, which a pool called `events` is not shown by. */
function eventRoutes(app: AdminApp, { events, live, audit, clock }: AdminRoom): void {
  const opened = (): ForecastEvents => orOff(events)
  app.get(
    '/v1/forecasts/events',
    {
      config: { right: 'figures' },
      schema: { response: { 200: announcedView, ...problems } },
    },
    async () => {
      const { desk, calendars } = opened()
      const sorted = [...desk.list()].sort((a, b) => a.startS - b.startS)
      return { events: sorted.map(viewOf), calendars: calendars.list() }
    },
  )
  app.post(
    '/v1/forecasts/events',
    {
      config: { right: 'change' },
      schema: { body: newEvent, response: { 201: announcedEventView, ...problems } },
    },
    async ({ body, caller }, reply) => {
      const { desk } = opened()
      const { kind, start, end, pool = null } = body
      const event = { pool, kind, startS: Date.parse(start) / 1000, endS: Date.parse(end) / 1000 }
      if (event.endS * 1000 <= clock.now()) throw new Problem('bad-request', 'end is over')
      if (pool !== null && !live.now().config.pools.some(({ name }) => name === pool)) {
        throw new Problem('not-found', 'There is no such pool')
      }
      const id = desk.newId()
      audit.append({ who: caller.name, action: 'forecast.event.add', subject: id, detail: body })
      const outcome = await desk.announce(event, id)
      if (outcome === 'known') throw new Problem('bad-request', 'There is such an event already')
      if (outcome === 'full') throw new Problem('bad-request', 'There are too many events')
      return reply.code(201).send(viewOf({ id, ...event, source: API_SOURCE }))
    },
  )
  app.delete(
    '/v1/forecasts/events/:id',
    {
      config: { right: 'change' },
      schema: {
        params: z.strictObject({ id: eventId }),
        response: { 204: z.null().describe('Done.'), ...problems },
      },
    },
    async ({ params: { id }, caller }, reply) => {
      const { desk } = opened()
      audit.append({ who: caller.name, action: 'forecast.event.remove', subject: id, detail: {} })
      if (await desk.withdraw(id)) return reply.code(204).send(null)
      throw new Problem('not-found', 'No such event was announced here; calendars change elsewhere')
    },
  )
}

function viewOf({ startS, endS, ...event }: AnnouncedEvent): AnnouncedEventView {
  return { ...event, startAt: Math.round(startS * 1000), endAt: Math.round(endS * 1000) }
}

function orOff<T>(opened: T | undefined): T {
  if (opened !== undefined) return opened
  throw new Problem('not-found', 'Forecasts are off: set forecast.enabled')
}
