/**
 * Figures: counters, the last ten minutes, live, and the upstream servers.
 *
 * @module
 */
import { z } from 'zod'
import { problems } from './problem-responses.ts'
import { upstreamsShown } from './scaling-views.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import { sampleView, trafficView, upstreamView } from './views.ts'

export function trafficRoutes(
  app: AdminApp,
  { plane, scaling, traffic, streams }: AdminRoom,
): void {
  app.get(
    '/v1/traffic',
    { config: { right: 'figures' }, schema: { response: { 200: trafficView, ...problems } } },
    async () => plane.traffic(),
  )
  app.get(
    '/v1/traffic/history',
    {
      config: { right: 'figures' },
      schema: {
        response: { 200: z.array(sampleView).readonly(), ...problems },
      },
    },
    async () => traffic.samples(),
  )
  app.get(
    '/v1/traffic/stream',
    {
      config: { right: 'figures' },
      schema: { description: 'Server-sent events: one sample a second.' },
    },
    (_request, reply) => streams.open(reply, (send) => traffic.watch((sample) => send(sample))),
  )
  app.get(
    '/v1/upstreams',
    {
      config: { right: 'figures' },
      schema: {
        response: { 200: z.array(upstreamView).readonly(), ...problems },
      },
    },
    async () => upstreamsShown(plane.upstreams(), scaling.views()),
  )
}
