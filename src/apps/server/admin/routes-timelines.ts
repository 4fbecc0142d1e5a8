/**
 * People by their pseudonyms, for who analyses: in which tiers their sessions are, how their scores went, and what was said of them.
 * Never by the id that the application has of them: that is `/profiles/{user_id}`.
 *
 * @module
 */
import { z } from 'zod'
import { PERSON_ID } from '../../../behavior/person/person-record.ts'
import { answering, personViewOf, watching } from './people-answers.ts'
import { liveSessions, personView, tier } from './people-views.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'

const personId = z.string().regex(PERSON_ID, 'must be the pseudonymous id of a person')
const at = z.number().describe('Milliseconds since the Unix epoch.')
const point = {
  ...{ at, tier, score: z.number() },
  session: z.string().describe('The begin of its id.'),
  reasons: z.array(z.string()).readonly().describe('Codes, the weightiest first.'),
}
const standingView = z.object({
  person: z.string().describe('Pseudonymous id.'),
  tier: tier.describe('The highest of its sessions that go on, else what is remembered.'),
  score: z.number().describe('The highest of its sessions, or the last.'),
  sessions: z.number().describe('That go on.'),
  at: at.describe('When something was heard of it last.'),
  reasons: z.array(z.string()).readonly(),
})
const timelineView = z.object({
  person: z.string(),
  live: liveSessions,
  points: z
    .array(z.object(point))
    .readonly()
    .describe('Oldest first: what was news; the last 50 of before a restart.'),
  turns: z
    .array(
      z.object({
        ...point,
        decision: z.string().describe('Its id: what can be said of it is said of that.'),
        before: tier,
        said: z.enum(['honest', 'attack', '']),
      }),
    )
    .readonly()
    .describe('Changes of tier, oldest first.'),
  profile: personView.optional().describe('What is kept of it; absent while nothing is.'),
})

export function timelineRoutes(app: AdminApp, { behavior }: AdminRoom): void {
  app.get(
    '/v1/behavior/people',
    {
      config: { right: 'subjects' },
      schema: { response: { 200: z.array(standingView).readonly(), ...problems } },
    },
    async () => {
      const { people } = watching(behavior)
      return people.timeline.people().map(({ person, last }) => {
        const live = people.sessionsOf(person)
        const highest = live.toSorted((a, b) => b.tier - a.tier || b.score - a.score)[0]
        return {
          ...{
            person,
            at: last.at,
            sessions: live.length,
            tier: highest?.tier ?? people.tierOfPerson(person),
          },
          score: highest?.score ?? last.score,
          reasons: highest?.reasons.map(({ code }) => code) ?? last.reasons,
        }
      })
    },
  )
  app.get(
    '/v1/behavior/people/:person',
    {
      config: { right: 'subjects' },
      schema: {
        params: z.strictObject({ person: personId }),
        response: { 200: timelineView, ...problems },
      },
    },
    async ({ params: { person } }) => {
      const open = watching(behavior)
      const { points, turns } = open.people.timeline.of(person)
      const kept = await answering(open.people.load(person))
      if (kept === undefined && points.length === 0 && turns.length === 0) {
        throw new Problem('not-found', 'No such person is known')
      }
      const profile = kept === undefined ? {} : { profile: personViewOf(open, kept) }
      return { person, points, turns, live: open.people.sessionsOf(person), ...profile }
    },
  )
}
