/**
 * Probes, the state of the process, and the API's own description.
 *
 * @module
 */
import { z } from 'zod'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import { statusView, workerView } from './views.ts'

const probe = z.object({ status: z.enum(['ok', 'not-ready']) })

export function healthRoutes(app: AdminApp, { isReady, status, plane }: AdminRoom): void {
  app.get(
    '/livez',
    { config: { right: 'nothing' }, schema: { response: { 200: probe } } },
    async () => ({ status: 'ok' as const }),
  )
  app.get(
    '/readyz',
    { config: { right: 'nothing' }, schema: { response: { 200: probe, 503: probe } } },
    async (_request, reply) => {
      const ready = isReady()
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'not-ready' })
    },
  )
  app.get('/openapi.json', { config: { right: 'nothing' }, schema: { hide: true } }, async () =>
    app.swagger(),
  )
  app.get(
    '/v1/status',
    { config: { right: 'figures' }, schema: { response: { 200: statusView, ...problems } } },
    async () => status(),
  )
  app.get(
    '/v1/workers',
    {
      config: { right: 'figures' },
      schema: {
        response: { 200: z.array(workerView).readonly(), ...problems },
      },
    },
    async () => plane.workers(),
  )
}
