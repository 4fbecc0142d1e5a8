/**
 * Forecasts of load as the admin API shows them, as schemas. The shapes are those of `flows/explain-forecast.ts`; the
 * compiler holds both together.
 *
 * @module
 */
import { z } from 'zod'
import type { ForecastCurve, PoolForecast } from '../../../flows/explain-forecast.ts'

const rate = z.number().describe('Requests per second, over a step.')
const rates = z.array(z.number()).readonly()
const unknown = ' null: not known.'

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
    reason: z.string(),
  }),
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
