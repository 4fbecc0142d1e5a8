/**
 * What changes the running edge, each change written into the audit log before it happens, and the log itself.
 *
 * @module
 */
import { z } from 'zod'
import { writeComplaint } from '../config/complaint.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import { auditView, reloadView, upstreamView } from './views.ts'

const name = z.string().min(1).max(63)

export function changeRoutes(app: AdminApp, { plane, live, audit }: AdminRoom): void {
  app.patch(
    '/v1/upstreams/:pool/:id',
    {
      config: { right: 'change' },
      schema: {
        params: z.strictObject({ pool: name, id: name }),
        body: z
          .strictObject({
            draining: z.boolean().exactOptional(),
            weight: z.int().min(0).max(256).exactOptional(),
          })
          .refine((change) => Object.keys(change).length > 0, 'must change something'),
        response: { 200: upstreamView, ...problems },
      },
    },
    async ({ params: { pool, id }, body, caller }) => {
      const find = () => plane.upstreams().find((one) => one.pool === pool && one.id === id)
      if (find() === undefined) throw new Problem('not-found', `No server ${pool}/${id}`)
      const subject = `${pool}/${id}`
      audit.append({ who: caller.name, action: 'upstream.change', subject, detail: body })
      plane.changeServer(pool, id, body)
      const after = find()
      if (after === undefined) throw new Problem('not-found', `The server ${subject} is gone`)
      return after
    },
  )
  app.post(
    '/v1/reload',
    {
      config: { right: 'change' },
      schema: { response: { 200: reloadView, ...problems } },
    },
    async ({ caller }) => {
      audit.append({ who: caller.name, action: 'config.reload', subject: 'config', detail: {} })
      const outcome = await live.reload(caller.name)
      if (outcome.kind === 'applied') return outcome
      const { complaints } = outcome
      throw new Problem('config-refused', complaints.map(writeComplaint).join('\n'), { complaints })
    },
  )
  app.post(
    '/v1/cache/purge',
    {
      config: { right: 'change' },
      schema: {
        body: z.strictObject({
          host: z
            .string()
            .regex(
              /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/,
              'must be a host in lower case, without port',
            )
            .max(253)
            .exactOptional()
            .describe('Of this host; else of any.'),
          path: z
            .string()
            .regex(/^\/[\x21-\x7e]*$/, 'must begin with /')
            .max(8192)
            .exactOptional()
            .describe('Whose path and query begin so; else all.'),
        }),
        response: { 204: z.null(), ...problems },
      },
    },
    async ({ body, caller }, reply) => {
      const detail = { ...body }
      audit.append({ who: caller.name, action: 'cache.purge', subject: 'caches', detail })
      plane.purgeCaches(body)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/v1/audit',
    {
      config: { right: 'audit' },
      schema: {
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(1000).default(100),
        }),
        response: { 200: auditView, ...problems },
      },
    },
    async ({ query }) => audit.read(query.limit),
  )
}
