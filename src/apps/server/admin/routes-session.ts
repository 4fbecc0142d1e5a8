/**
 * Logging in to the console, and out.
 *
 * @module
 */
import { z } from 'zod'
import { ROLES } from '../config/admin-schema.ts'
import { holderOf, sessionMarkOf } from './access.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import { SESSION_COOKIE, SESSION_MS, type SessionMark } from './sessions.ts'

const role = z.enum([...ROLES, 'nobody'])
const me = z.object({ name: z.string(), role })
const begun = me.extend({
  path: z.string().describe('Goes in front of every path to be asked in this session.'),
})

export function sessionRoutes(app: AdminApp, room: AdminRoom): void {
  const { sessions, live } = room
  const cookie = ({ id, path }: SessionMark, seconds: number): string =>
    [
      `${SESSION_COOKIE}=${id}`,
      `Path=${path}`,
      'HttpOnly',
      'SameSite=Strict',
      `Max-Age=${seconds}`,
      ...(live.now().material.adminCertificate === undefined ? [] : ['Secure']),
    ].join('; ')

  app.post(
    '/v1/login',
    {
      config: { right: 'nothing' },
      schema: {
        body: z.strictObject({ token: z.string().min(1).max(512) }),
        response: { 200: begun, ...problems },
      },
    },
    async (request, reply) => {
      const holder = holderOf(request.body.token, live.now().material.tokens)
      if (holder === undefined) {
        await room.countFailure(request)
        throw new Problem('unauthenticated', 'The token is not known')
      }
      const mark = sessions.begin(holder)
      reply.header('set-cookie', cookie(mark, SESSION_MS / 1000))
      reply.header('cache-control', 'no-store')
      return { name: holder.name, role: holder.role, path: mark.path }
    },
  )
  app.post(
    '/v1/logout',
    { config: { right: 'nothing' }, schema: { response: { 204: z.null(), ...problems } } },
    async (request, reply) => {
      const mark = sessionMarkOf(request)
      if (mark === undefined) return reply.code(204).send(null)
      sessions.end(mark)
      return reply
        .header('set-cookie', cookie({ ...mark, id: '' }, 0))
        .code(204)
        .send(null)
    },
  )
  app.get(
    '/v1/me',
    {
      config: { right: 'nothing' },
      schema: { response: { 200: me, ...problems } },
    },
    async ({ caller }) => ({ name: caller.name, role: caller.role }),
  )
}
