/**
 * What is remembered of clients, the signatures made of it, and the handshake pools; a person's word on a client.
 * Profiles name networks: reading them is a right of its own. Each change is in the audit log before it happens.
 *
 * @module
 */
import { z } from 'zod'
import { handshakePools } from '../handshake-pools.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import {
  decisionId,
  feedbackView,
  handshakePoolView,
  profilePageView,
  profileView,
  signatureView,
} from './views.ts'

const profileId = z.string().regex(/^[0-9a-f]{16}$/, 'must be the id of a profile')
const signatureId = z.string().regex(/^[0-9a-z-]{1,64}$/, 'must be the id of a signature')
const TIERS = { '1': 1, '2': 2, '3': 3 } as const
const feedback = z.strictObject({
  label: z.enum(['good', 'bad']),
  why: z.string().max(500).default('').describe('For the audit log.'),
})
const gone = z.null().describe('Done.')

export function profileRoutes(app: AdminApp, room: AdminRoom): void {
  const { profiles, plane, live, feed, audit } = room
  app.get(
    '/v1/profiles',
    {
      config: { right: 'subjects' },
      schema: {
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(1000).default(100),
          tier: z.enum(['1', '2', '3']).optional().describe('Only those.'),
          order: z
            .enum(['seen', 'id'])
            .default('seen')
            .describe('seen: the last seen first, of those remembered; id: all, page by page.'),
          after: profileId.optional().describe('With order=id: only ids above this.'),
        }),
        response: { 200: profilePageView, ...problems },
      },
    },
    async ({ query: { limit, tier, order, after } }) =>
      profiles.list({
        ...{ limit, order },
        ...(tier === undefined ? {} : { tier: TIERS[tier] }),
        ...(after === undefined ? {} : { after }),
      }),
  )
  app.get(
    '/v1/profiles/:id',
    {
      config: { right: 'subjects' },
      schema: {
        params: z.strictObject({ id: profileId }),
        response: { 200: profileView, ...problems },
      },
    },
    async ({ params }) => {
      const profile = await profiles.get(params.id)
      if (profile === undefined) throw new Problem('not-found', 'No such profile is kept')
      return profile
    },
  )
  const judge = async (
    profile: string,
    { label, why }: z.output<typeof feedback>,
    by: string,
    about: Readonly<Record<string, string>> = {},
  ) => {
    if ((await profiles.get(profile)) === undefined) {
      throw new Problem('not-found', 'No such profile is kept')
    }
    const detail = { label, why, ...about }
    audit.append({ who: by, action: 'profile.feedback', subject: profile, detail })
    const outcome = await profiles.feedback({ profile, label, by })
    if (outcome === undefined) throw new Problem('not-found', 'No such profile is kept')
    return outcome
  }
  app.post(
    '/v1/profiles/:id/feedback',
    {
      config: { right: 'change' },
      schema: {
        params: z.strictObject({ id: profileId }),
        body: feedback,
        response: { 200: feedbackView, ...problems },
      },
    },
    async ({ params, body, caller }) => judge(params.id, body, caller.name),
  )
  app.post(
    '/v1/decisions/:id/feedback',
    {
      config: { right: 'change' },
      schema: {
        params: z.strictObject({ id: decisionId }),
        body: feedback,
        response: { 200: feedbackView, ...problems },
      },
    },
    async ({ params, body, caller }) => {
      const decision = feed.get(params.id)
      if (decision === undefined) throw new Problem('not-found', 'No such decision is kept')
      const { profile } = decision
      if (profile === undefined) {
        throw new Problem('not-found', 'That connection was not TLS: it has no profile')
      }
      return judge(profile, body, caller.name, { decision: params.id })
    },
  )
  app.delete(
    '/v1/profiles/:id',
    {
      config: { right: 'change' },
      schema: {
        params: z.strictObject({ id: profileId }),
        response: { 204: gone, ...problems },
      },
    },
    async ({ params: { id }, caller }, reply) => {
      audit.append({ who: caller.name, action: 'profile.remove', subject: id, detail: {} })
      if (!(await profiles.remove(id))) throw new Problem('not-found', 'No such profile is kept')
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/v1/signatures',
    {
      config: { right: 'subjects' },
      schema: { response: { 200: z.array(signatureView).readonly(), ...problems } },
    },
    async () => profiles.signatures(),
  )
  app.delete(
    '/v1/signatures/:id',
    {
      config: { right: 'change' },
      schema: {
        params: z.strictObject({ id: signatureId }),
        response: { 204: gone, ...problems },
      },
    },
    async ({ params: { id }, caller }, reply) => {
      if (!profiles.signatures().some((one) => one.id === id)) {
        throw new Problem('not-found', 'There is no such signature')
      }
      audit.append({ who: caller.name, action: 'signature.remove', subject: id, detail: {} })
      profiles.removeSignature(id)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/v1/handshake-pools',
    {
      config: { right: 'figures' },
      schema: { response: { 200: z.array(handshakePoolView).readonly(), ...problems } },
    },
    async () => handshakePools(plane.traffic(), live.now().config.admission),
  )
}
