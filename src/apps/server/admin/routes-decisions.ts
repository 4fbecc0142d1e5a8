/**
 * Connections and decisions: they name addresses, so reading them is a right of its own.
 *
 * @module
 */
import { z } from 'zod'
import { explainDecision } from '../../../behavior/explain.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import { connectionView, decisionId, decisionView, explainedView } from './views.ts'

const limit = (usual: number) =>
  z.coerce.number().int().min(1).max(1000).default(usual).describe('At most so many.')

export function decisionRoutes(app: AdminApp, room: AdminRoom): void {
  const { plane, feed, streams } = room
  app.get(
    '/v1/connections',
    {
      config: { right: 'subjects' },
      schema: {
        querystring: z.strictObject({ limit: limit(200) }),
        response: {
          200: z.array(connectionView).readonly(),
          ...problems,
        },
      },
    },
    async ({ query }) => plane.connections(query.limit),
  )
  app.get(
    '/v1/decisions',
    {
      config: { right: 'subjects' },
      schema: {
        querystring: z.strictObject({
          limit: limit(100),
          before: decisionId.optional().describe('Only older ones than this.'),
        }),
        response: {
          200: z.array(decisionView).readonly(),
          ...problems,
        },
      },
    },
    async ({ query: { limit, before } }) =>
      feed.list({ limit, ...(before === undefined ? {} : { before }) }),
  )
  app.get(
    '/v1/decisions/stream',
    {
      config: { right: 'subjects' },
      schema: { description: 'Server-sent events: decisions, each with its id.' },
    },
    (_request, reply) =>
      streams.open(reply, (send) =>
        feed.watch((batch) => {
          for (const decision of batch) send(decision, decision.id)
        }),
      ),
  )
  app.get(
    '/v1/decisions/:id',
    {
      config: { right: 'subjects' },
      schema: {
        params: z.strictObject({ id: decisionId }),
        response: { 200: explainedView, ...problems },
      },
    },
    async ({ params }) => {
      const decision = feed.get(params.id)
      if (decision === undefined) throw new Problem('not-found', 'No such decision is kept')
      return { ...decision, explanation: explainDecision(decision) }
    },
  )
}
