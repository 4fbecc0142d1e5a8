/**
 * How many servers pools should have, and what was done about it: figures, nobody's name.
 *
 * @module
 */
import { z } from 'zod'
import { problems } from './problem-responses.ts'
import { scalingView } from './scaling-views.ts'
import type { AdminApp, AdminRoom } from './server.ts'

export function scalingRoutes(app: AdminApp, { scaling }: AdminRoom): void {
  app.get(
    '/v1/scaling',
    {
      config: { right: 'figures' },
      schema: { response: { 200: z.array(scalingView).readonly(), ...problems } },
    },
    async () => scaling.views(),
  )
}
