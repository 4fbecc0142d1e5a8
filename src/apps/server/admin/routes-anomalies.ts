/**
 * What servers and listeners did that they never did before: figures, nobody's name.
 *
 * @module
 */
import { z } from 'zod'
import type { SeriesFinding } from '../../../flows/watch-series.ts'
import { FINDINGS_MAX, SERIES_MAX } from '../../../flows/watch-series.ts'
import type { SeriesState } from '../anomaly-watch.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'

const series = z
  .string()
  .describe(
    'server/<pool>/<id>/requests (per second), errors (share) or latency (ms); listener/<name>/hellos or refused (per second).',
  )
const at = z.number().describe('When the step ended, milliseconds since the Unix epoch.')
const score = z.number().describe('Digits of surprise.')

const stateView = z.object({
  series,
  at,
  value: z.number().nullable().describe('Of the last step. null: not known.'),
  score,
  anomalous: z.boolean().describe('Whether it did what it never did within the last 15 steps.'),
}) satisfies z.ZodType<SeriesState>

const findingView = z.object({
  ...{ series, at, score, value: z.number() },
  reasons: z.array(z.string()).readonly().describe('What a digit or more came from.'),
}) satisfies z.ZodType<Omit<SeriesFinding, 'server' | 'reasons'>>

const anomaliesView = z.object({
  series: z.array(stateView).readonly().describe(`At most ${SERIES_MAX}.`),
  findings: z
    .array(findingView)
    .readonly()
    .describe(`The newest first, at most ${FINDINGS_MAX}, one per trouble.`),
})

export function anomalyRoutes(app: AdminApp, { anomalies }: AdminRoom): void {
  app.get(
    '/v1/anomalies',
    {
      config: { right: 'figures' },
      schema: { response: { 200: anomaliesView, ...problems } },
    },
    async () => ({ series: anomalies.list(), findings: anomalies.findings() }),
  )
}
