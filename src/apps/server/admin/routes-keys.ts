/**
 * Session keys: what is in force, the sessions under them, and how to end either. Sessions name people: reading them
 * is a right of its own. Each change is in the audit log before it happens.
 *
 * @module
 */
import { z } from 'zod'
import { EDGE_ID } from '../config/session-schema.ts'
import type { KeyServer } from '../key-server/key-server.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import {
  edgeView,
  keysView,
  openedView,
  placementsView,
  revokedView,
  sessionFiguresView,
  sessionView,
} from './session-views.ts'

const group = z.int().min(0).max(255)
/** 16 bytes of base64url. */
const id = z.string().regex(/^[A-Za-z0-9_-]{21}[AQgw]$/, 'must be the id of a session or subject')
/** A week: who announces more forgets it. */
const DRAIN_S_MAX = 7 * 86_400
const why = z.string().max(500).default('').describe('For the audit log.')
const gone = z.null().describe('Done.')

export function keyRoutes(app: AdminApp, { keyServer, audit, live, plane }: AdminRoom): void {
  const server = (): KeyServer => {
    if (keyServer !== undefined) return keyServer
    throw new Problem('not-found', 'Session keys are off: set sessions.enabled')
  }
  const noGroup = (): Problem => new Problem('not-found', 'There is no such key group')
  app.get(
    '/v1/session-figures',
    {
      config: { right: 'figures' },
      schema: { response: { 200: sessionFiguresView, ...problems } },
    },
    async () => {
      const isElsewhere = live.now().config.sessions.server !== undefined
      const { sessionChecks: checks, sessionHandoffs: handoffs } = plane.traffic()
      if (keyServer !== undefined) {
        const opened = openedView(keyServer.figures())
        return { keyServer: 'here' as const, checks, handoffs, opened }
      }
      const role = isElsewhere ? ('elsewhere' as const) : ('none' as const)
      return { keyServer: role, checks, handoffs }
    },
  )
  app.get(
    '/v1/keys',
    {
      config: { right: 'figures' },
      schema: { response: { 200: keysView, ...problems } },
    },
    async () => server().view(),
  )
  app.post(
    '/v1/keys/rotate',
    {
      config: { right: 'change' },
      schema: {
        body: z.strictObject({
          what: z
            .enum(['tickets', 'identity'])
            .default('tickets')
            .describe('tickets: those that seal tickets; identity: those that clients seal to.'),
          group: group.exactOptional().describe('Only of this group; all without it.'),
          why,
        }),
        response: { 200: keysView, ...problems },
      },
    },
    async ({ body, caller }) => {
      const keys = server()
      const known = keys.view().groups.some((one) => one.group === body.group)
      if (body.group !== undefined && !known) throw noGroup()
      audit.append({ who: caller.name, action: 'keys.rotate', subject: body.what, detail: body })
      keys.rotate(body.what, body.group)
      return keys.view()
    },
  )
  app.post(
    '/v1/keys/revoke',
    {
      config: { right: 'change' },
      schema: {
        body: z.strictObject({ group, why }),
        response: { 200: keysView, ...problems },
      },
    },
    async ({ body, caller }) => {
      const keys = server()
      if (!keys.view().groups.some((one) => one.group === body.group)) throw noGroup()
      const subject = String(body.group)
      audit.append({ who: caller.name, action: 'keys.revoke', subject, detail: body })
      keys.revokeGroup(body.group)
      return keys.view()
    },
  )
  app.get(
    '/v1/edges',
    {
      config: { right: 'figures' },
      schema: { response: { 200: z.array(edgeView).readonly(), ...problems } },
    },
    async () => server().edges(),
  )
  app.patch(
    '/v1/edges/:id',
    {
      config: { right: 'change' },
      schema: {
        params: z.strictObject({ id: z.string().regex(EDGE_ID) }),
        body: z.strictObject({
          draining: z.boolean().describe('Its sessions go elsewhere.'),
          inS: z.int().min(0).max(DRAIN_S_MAX).default(0).describe('In so many seconds.'),
        }),
        response: { 200: edgeView, ...problems },
      },
    },
    async ({ params: { id }, body, caller }) => {
      const keys = server()
      const find = () => keys.edges().find((one) => one.id === id)
      if (find() === undefined) throw new Problem('not-found', `No edge ${id} is known`)
      audit.append({ who: caller.name, action: 'edge.change', subject: id, detail: body })
      if (keys.drainEdge(id, body.draining ? body.inS : undefined) === 'off') {
        throw new Problem('not-found', 'Nobody goes by it: set forecast.enabled')
      }
      const after = find()
      if (after === undefined) throw new Problem('not-found', `The edge ${id} is gone`)
      return after
    },
  )
  app.get(
    '/v1/keys/placements',
    {
      config: { right: 'figures' },
      schema: { response: { 200: placementsView, ...problems } },
    },
    async () => {
      const placements = server().placements()
      if (placements !== undefined) return placements
      throw new Problem(
        'not-found',
        'No keys are placed: set sessions.cluster and forecast.enabled',
      )
    },
  )
  app.get(
    '/v1/sessions',
    {
      config: { right: 'subjects' },
      schema: {
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(1000).default(100),
        }),
        response: { 200: z.array(sessionView).readonly(), ...problems },
      },
    },
    async ({ query }) => server().sessions(query.limit),
  )
  app.get(
    '/v1/sessions/:id',
    {
      config: { right: 'subjects' },
      schema: { params: z.strictObject({ id }), response: { 200: sessionView, ...problems } },
    },
    async ({ params }) => {
      const session = server().session(params.id)
      if (session === undefined) throw new Problem('not-found', 'No such session is remembered')
      return session
    },
  )
  app.delete(
    '/v1/sessions/:id',
    {
      config: { right: 'change' },
      schema: { params: z.strictObject({ id }), response: { 204: gone, ...problems } },
    },
    async ({ params, caller }, reply) => {
      const keys = server()
      audit.append({ who: caller.name, action: 'session.revoke', subject: params.id, detail: {} })
      // Also one that fell out of the table, or was opened before a restart.
      keys.revokeSession(params.id)
      return reply.code(204).send(null)
    },
  )
  app.delete(
    '/v1/subjects/:id/sessions',
    {
      config: { right: 'change' },
      schema: { params: z.strictObject({ id }), response: { 200: revokedView, ...problems } },
    },
    async ({ params, caller }) => {
      const keys = server()
      audit.append({ who: caller.name, action: 'subject.revoke', subject: params.id, detail: {} })
      return { remembered: keys.revokeSubject(params.id) }
    },
  )
  app.get(
    '/v1/feed',
    {
      config: { right: 'change' },
      schema: {
        querystring: z.strictObject({
          since: z.coerce
            .number()
            .int()
            .min(0)
            .max(Number.MAX_SAFE_INTEGER)
            .default(0)
            .describe('The last `seq` that is known.'),
        }),
        response: { 200: z.string().describe('NDJSON: an entry per line, in order.'), ...problems },
      },
    },
    async ({ query }, reply) => {
      const lines = server()
        .feed(query.since)
        .map((entry) => `${JSON.stringify(entry)}\n`)
      reply.type('application/x-ndjson')
      return lines.join('')
    },
  )
}
