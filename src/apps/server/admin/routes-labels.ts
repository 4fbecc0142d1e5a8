/**
 * A person's word on a session whose behavior was judged: the thresholds learn from it, and a session that goes on counts as an
 * attacker's or as surely the person's. On connections the word is `/v1/decisions/:id/feedback`.
 *
 * @module
 */
import { z } from 'zod'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import { decisionId } from './views.ts'

export function labelRoutes(app: AdminApp, { feed, behavior, audit }: AdminRoom): void {
  app.post(
    '/v1/decisions/:id/label',
    {
      config: { right: 'change' },
      schema: {
        params: z.strictObject({ id: decisionId }),
        body: z.strictObject({
          label: z.enum(['honest', 'attack']).describe('What the session was.'),
          why: z.string().max(500).default('').describe('For the audit log.'),
        }),
        response: { 204: z.null().describe('Done.'), ...problems },
      },
    },
    async ({ params: { id }, body, caller }, reply) => {
      const decision = feed.get(id)
      if (decision === undefined) throw new Problem('not-found', 'No such decision is kept')
      if (decision.person === undefined || behavior === undefined) {
        throw new Problem('not-found', 'That was no session of a person: use feedback')
      }
      audit.append({ who: caller.name, action: 'decision.label', subject: id, detail: body })
      if (!behavior.people.label(decision, body.label === 'attack')) {
        throw new Problem('conflict', 'Somebody has said what it was')
      }
      return reply.code(204).send(null)
    },
  )
}
