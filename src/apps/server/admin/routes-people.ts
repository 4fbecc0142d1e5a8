/**
 * People whose behavior is known: `/profiles/{user_id}`, by the id that the application has of them, which is in no record, log
 * or answer; `/anomalydetection/configure`, how they are judged; `/health/anomalydetection`. The same below /v1, where
 * /v1/profiles are those of handshakes, and people are /v1/people.
 *
 * Who analyses sees scores; what a person does is for operators, and for the person.
 *
 * @module
 */
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { newPerson, type Person } from '../../../behavior/person/person.ts'
import type { Behavior } from '../behavior/open-behavior.ts'
import { behaviorTuningSchema } from '../config/behavior-schema.ts'
import { answering, personViewOf, watching } from './people-answers.ts'
import { behaviorHealthView, personView, tuningView } from './people-views.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'

/** As a server says it in its answers (`wire/user-field.ts`). */
const userId = z
  .string()
  .regex(/^[\x21-\x3a\x3c-\x7e]{1,256}$/, 'must be 1 to 256 visible characters without ";"')
const params = z.strictObject({ user_id: userId })
const noted = z.strictObject({
  label: z.enum(['good', 'bad', '']).default('').describe('What somebody who knows has said.'),
  frozen: z.boolean().default(false).describe('Nothing is learned any more.'),
})
const change = z
  .strictObject({
    label: z.enum(['good', 'bad', '']).exactOptional(),
    frozen: z.boolean().exactOptional(),
    confirmed: z
      .literal(true)
      .exactOptional()
      .describe('A second factor has passed: evidence against sessions that go on is forgotten.'),
  })
  .refine((body) => Object.keys(body).length > 0, 'must change something')
const ifMatch = z.object({ 'if-match': z.string().optional() })
const gone = z.null().describe('Done.')

export function peopleRoutes(app: AdminApp, room: AdminRoom): void {
  for (const prefix of ['/profiles', '/v1/people']) personRoutes(app, room, prefix)
  for (const prefix of ['', '/v1']) detectionRoutes(app, room, prefix)
}

function personRoutes(app: AdminApp, { behavior, audit, clock }: AdminRoom, prefix: string): void {
  const path = `${prefix}/:user_id`
  const create = async (
    behavior: Behavior,
    user: string,
    body: z.output<typeof noted>,
    who: string,
    reply: FastifyReply,
  ) => {
    const { people } = behavior
    const id = people.idOf(user)
    audit.append({ who, action: 'person.create', subject: id, detail: body })
    const made = await answering(
      people.change(id, 0, () => ({ ...newPerson(id, clock.now()), ...body })),
    )
    if (made === undefined) throw new Problem('conflict', 'There is such a profile already')
    reply.code(201).header('etag', tagOf(made))
    return personViewOf(behavior, {
      person: { ...newPerson(id, clock.now()), ...body },
      revision: made,
    })
  }
  for (const method of ['POST', 'PUT'] as const) {
    app.route({
      method,
      url: path,
      config: { right: 'change' },
      schema: { params, body: noted.prefault({}), response: { 201: personView, ...problems } },
      handler: ({ params: { user_id: user }, body, caller }, reply) =>
        create(watching(behavior), user, body, caller.name, reply),
    })
  }
  app.get(
    path,
    {
      config: { right: 'subjects' },
      schema: {
        params,
        querystring: z.strictObject({
          export: z
            .enum(['full'])
            .optional()
            .describe('All that is kept, for the person who asks; operators only.'),
        }),
        response: { 200: personView, ...problems },
      },
    },
    async ({ params: { user_id: user }, query, caller }, reply) => {
      const { people } = watching(behavior)
      const id = people.idOf(user)
      if (query.export !== undefined) {
        if (caller.role !== 'operator') {
          throw new Problem('forbidden', `The role ${caller.role} sees scores, not behavior`)
        }
        audit.append({ who: caller.name, action: 'person.export', subject: id, detail: {} })
      }
      const kept = await answering(people.load(id))
      if (kept === undefined) throw new Problem('not-found', 'No such profile is kept')
      reply.header('etag', tagOf(kept.revision))
      const shown = personViewOf(watching(behavior), kept)
      return query.export === undefined ? shown : { ...shown, kept: kept.person }
    },
  )
  app.patch(
    path,
    {
      config: { right: 'change' },
      schema: {
        params,
        body: change,
        headers: ifMatch,
        response: { 200: personView, ...problems },
      },
    },
    async ({ params: { user_id: user }, body, caller, headers }, reply) => {
      const { people } = watching(behavior)
      const id = people.idOf(user)
      const revision = revisionOf(headers['if-match'])
      if (revision === undefined) throw new Problem('precondition-required', 'Send If-Match')
      const { confirmed, ...marks } = body
      audit.append({ who: caller.name, action: 'person.change', subject: id, detail: body })
      let next: Person | undefined
      const made = await answering(
        people.change(id, revision, (before) => {
          if (before === undefined) throw new Problem('not-found', 'No such profile is kept')
          next = { ...before, ...marks, updatedAt: clock.now() }
          return next
        }),
      )
      if (made === undefined || next === undefined) {
        throw new Problem('precondition-failed', 'It is another by now: read it again')
      }
      if (confirmed === true) people.vouch(id)
      reply.header('etag', tagOf(made))
      return personViewOf(watching(behavior), { person: next, revision: made })
    },
  )
  app.delete(
    path,
    {
      config: { right: 'change' },
      schema: { params, response: { 204: gone, ...problems } },
    },
    async ({ params: { user_id: user }, caller }, reply) => {
      const { people, captures } = watching(behavior)
      const id = people.idOf(user)
      audit.append({ who: caller.name, action: 'person.erase', subject: id, detail: {} })
      const sessions = people.sessionIdsOf(id)
      const captured = captures === undefined ? 0 : await answering(captures.erase(id, sessions))
      if (!(await answering(people.erase(id))) && captured === 0) {
        throw new Problem('not-found', 'No such profile is kept')
      }
      return reply.code(204).send(null)
    },
  )
}

function detectionRoutes(app: AdminApp, { behavior, audit }: AdminRoom, prefix: string): void {
  const path = `${prefix}/anomalydetection/configure`
  app.get(
    path,
    { config: { right: 'figures' }, schema: { response: { 200: tuningView, ...problems } } },
    async (_request, reply) => {
      const { tuning, version } = watching(behavior).tuning()
      reply.header('etag', tagOf(version))
      return { version, ...tuning }
    },
  )
  app.put(
    path,
    {
      config: { right: 'change' },
      schema: {
        querystring: z.strictObject({
          dry_run: z
            .enum(['true', 'false'])
            .default('false')
            .describe('Only looks: the answer says in which tiers sessions would be.'),
        }),
        headers: ifMatch,
        body: behaviorTuningSchema.refine(
          ({ tier2, tier3 }) => tier2 <= tier3,
          'tier2 must not exceed tier3',
        ),
        response: { 200: tuningView, ...problems },
      },
    },
    async ({ body, query, headers, caller }, reply) => {
      const open = watching(behavior)
      const { version } = open.tuning()
      const trial = open.trial(body)
      if (query.dry_run === 'true') return { version, ...body, dryRun: trial }
      const meant = headers['if-match'] === undefined ? version : revisionOf(headers['if-match'])
      if (meant !== version) {
        throw new Problem('precondition-failed', 'It is another by now: read it again')
      }
      const detail = { ...body, version: version + 1 }
      audit.append({
        who: caller.name,
        action: 'anomalydetection.configure',
        subject: 'behavior',
        detail,
      })
      if (!(await answering(open.tune(body, version)))) {
        throw new Problem('precondition-failed', 'It is another by now: read it again')
      }
      reply.header('etag', tagOf(version + 1))
      return { version: version + 1, ...body }
    },
  )
  app.get(
    `${prefix}/health/anomalydetection`,
    {
      config: { right: 'figures' },
      schema: { response: { 200: behaviorHealthView, 503: behaviorHealthView } },
    },
    async (_request, reply) => {
      if (behavior === undefined) return reply.code(200).send({ status: 'off', reasons: [] })
      const { keptIn } = behavior
      const health = behavior.health()
      return reply.code(health.status === 'ok' ? 200 : 503).send({ ...health, keptIn })
    },
  )
}

function tagOf(revision: number): string {
  return `"${revision}"`
}

/** undefined when it is no ETag of ours. */
function revisionOf(tag: string | undefined): number | undefined {
  const digits = /^"(\d{1,15})"$/.exec(tag ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits)
}
