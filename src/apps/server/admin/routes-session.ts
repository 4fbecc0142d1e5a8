/**
 * Logging in to the console, and out.
 *
 * @module
 */
import { z } from 'zod'
import { ROLES } from '../config/schema.ts'
import { holderOf, sessionIdOf } from './access.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import { SESSION_COOKIE, SESSION_MS } from './sessions.ts'

const role = z.enum([...ROLES, 'nobody'])
const me = z.object({ name: z.string(), role })

export function sessionRoutes(app: AdminApp, room: AdminRoom): void {
  const { sessions, live } = room
  const cookie = (value: string, seconds: number): string =>
    [
      `${SESSION_COOKIE}=${value}`,
      'Path=/v1',
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
        response: { 200: me, ...problems },
      },
    },
    async (request, reply) => {
      const holder = holderOf(request.body.token, live.now().material.tokens)
      if (holder === undefined) {
        await room.countFailure(request)
        throw new Problem('unauthenticated', 'The token is not known')
      }
      const id = sessions.begin(holder)
      reply.header('set-cookie', cookie(id, SESSION_MS / 1000)).header('cache-control', 'no-store')
      return { name: holder.name, role: holder.role }
    },
  )
  app.post(
    '/v1/logout',
    { config: { right: 'nothing' }, schema: { response: { 204: z.null(), ...problems } } },
    async (request, reply) => {
      const id = sessionIdOf(request)
      if (id !== undefined) sessions.end(id)
      return reply.header('set-cookie', cookie('', 0)).code(204).send(null)
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
