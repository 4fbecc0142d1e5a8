/**
 * Forecasts of the load of each pool: figures, nobody's name.
 *
 * @module
 */
import { z } from 'zod'
import type { LoadForecast } from '../load-forecast.ts'
import { forecastCurveView, forecastView } from './forecast-views.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'

const pool = z.string().min(1).max(63).describe('Its name in the configuration.')

export function forecastRoutes(app: AdminApp, { forecast }: AdminRoom): void {
  const forecasts = (): LoadForecast => {
    if (forecast !== undefined) return forecast
    throw new Problem('not-found', 'Forecasts are off: set forecast.enabled')
  }
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
