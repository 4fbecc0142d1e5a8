/**
 * Forecasts of load and announced events as the admin API shows them, as schemas. The shapes are those of `flows/explain-forecast.ts`; the
 * compiler holds both together.
 *
 * @module
 */
import { z } from 'zod'
import { KIND_MAX } from '../../../adapters/ical/read-calendar.ts'
import { ANNOUNCED_MAX } from '../../../flows/announced-events.ts'
import type { ForecastCurve, PoolForecast } from '../../../flows/explain-forecast.ts'
import { POOL_NAME_MAX } from '../../../ports/forecast-store.ts'
import type { CalendarState } from '../calendar-feed.ts'

/** As for calendars (`adapters/ical`). */
const DURATION_MAX_MS = 31 * 86_400_000

const rate = z.number().describe('Requests per second, over a step.')
const rates = z.array(z.number()).readonly()
const unknown = ' null: not known.'

const moment = z.number().describe('Milliseconds since the Unix epoch.')

const horizon = z.object({
  aheadS: z.number().describe('Seconds from `at` to the end of the step that is forecast.'),
  expected: rate,
  low: rate,
  high: z.number().describe('95 % of steps lie at or below; 90 % between `low` and this.'),
  model: z.string().describe('Who speaks.'),
  isDemoted: z
    .boolean()
    .describe('Whether the model that was chosen had to give way to a simpler one.'),
  reason: z.string(),
  error: z
    .number()
    .nullable()
    .describe(
      'Of who speaks: sum of absolute errors over the sum of values, of about the last day.',
    ),
  judged: z.int().describe('Forecasts that were compared with what came.'),
})

export const forecastView = z.object({
  pool: z.string(),
  stepS: z.number().describe('Seconds; a minute.'),
  at: z
    .number()
    .describe('Where the past ends and forecasts begin, milliseconds since the Unix epoch.'),
  now: z.number().nullable().describe(`Requests per second in the last step.${unknown}`),
  fittedAfter: z.int().describe('Steps there were when models were fitted last; 0 before that.'),
  horizons: z.array(horizon).readonly(),
  capacity: z.object({
    requestsPerSecond: z
      .number()
      .nullable()
      .describe(`What the servers in service carry together.${unknown}`),
    shareNow: z.number().nullable().describe(`Share of it used in the last step.${unknown}`),
    shareAhead: z
      .number()
      .nullable()
      .describe(`Share of it at the highest \`high\` of the next 15 steps.${unknown}`),
    shareAheadS: z.number().describe('Seconds from `at` to that step.'),
    atMost: z
      .number()
      .nullable()
      .describe('What they carry at most by what they say of their CPU. null: not said, or known.'),
    reason: z.string(),
  }),
  events: z
    .array(
      z.object({
        kind: z.string(),
        startAt: moment,
        endAt: moment,
        factor: z
          .number()
          .describe(
            'What events of that kind were seen to multiply the load by; 1 before one was.',
          ),
        learnedFrom: z.int().describe('So many of them.'),
      }),
    )
    .readonly()
    .describe('Announced events that run or are to come.'),
}) satisfies z.ZodType<PoolForecast>

export const forecastCurveView = forecastView.extend({
  history: z
    .array(z.number().nullable())
    .readonly()
    .describe(
      `Requests per second of the last 1440 steps, the oldest first, up to \`at\`.${unknown}`,
    ),
  expected: rates.describe('Of the next 60 steps, from `at` on.'),
  low: rates,
  high: rates,
}) satisfies z.ZodType<PoolForecast & ForecastCurve>

/** `GET /v1/forecasts/{pool}`. */
export type ForecastCurveView = z.output<typeof forecastCurveView>

const kind = z.string().min(1).max(KIND_MAX)

export const announcedEventView = z.object({
  id: z.string(),
  pool: z.string().nullable().describe('null: of all pools.'),
  kind,
  startAt: moment,
  endAt: moment,
  source: z.string().describe('api, or the calendar it was read from.'),
})

/** `GET /v1/forecasts/events`. */
export const announcedView = z.object({
  events: z.array(announcedEventView).readonly().describe(`At most ${ANNOUNCED_MAX}.`),
  calendars: z
    .array(
      z.object({
        name: z.string().describe('The file, or the URL without its query.'),
        pool: z.string().nullable(),
        readAt: z.number().nullable().describe('When it was last read whole; null: not yet.'),
        events: z.int().describe('In it, in the days that are looked at.'),
        failure: z
          .string()
          .nullable()
          .describe('Why the last reading failed; events stay as they were.'),
        refused: z.array(z.string()).readonly().describe('Events that cannot be read, and why.'),
        left: z.int().describe('Events left out in all.'),
      }) satisfies z.ZodType<CalendarState>,
    )
    .readonly(),
})

export type AnnouncedView = z.output<typeof announcedView>
export type AnnouncedEventView = z.output<typeof announcedEventView>

/** `POST /v1/forecasts/events`. */
export const newEvent = z
  .strictObject({
    kind: kind
      .regex(/^[^\p{C}]+$/u, 'must be printable')
      .describe('What it is an event of: effects are learned by kind.'),
    start: z.iso.datetime({ offset: true }),
    end: z.iso
      .datetime({ offset: true })
      .describe('Not over yet, and a month after start at most.'),
    pool: z.string().min(1).max(POOL_NAME_MAX).optional().describe('All pools without it.'),
  })
  .refine(({ start, end }) => Date.parse(end) > Date.parse(start), {
    message: 'must be after start',
    path: ['end'],
  })
  .refine(({ start, end }) => Date.parse(end) - Date.parse(start) <= DURATION_MAX_MS, {
    message: 'must be a month after start at most',
    path: ['end'],
  })
