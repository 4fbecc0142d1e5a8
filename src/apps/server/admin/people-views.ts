/**
 * What the admin API says of people and of how they are judged. Scores and counts; what a person does only in an export.
 *
 * @module
 */
import { z } from 'zod'
import type { Person } from '../../../behavior/person/person.ts'
import { behaviorTuningSchema } from '../config/behavior-schema.ts'

export const tier = z.union([z.literal(1), z.literal(2), z.literal(3)])
const at = z.number().describe('Milliseconds since the Unix epoch.')
const count = z.number()
const sessionEnd = z.object({ at, tier, score: z.number(), windows: count })
const reason = z.object({ code: z.string(), text: z.string(), weight: z.number() })

export const liveSessions = z
  .array(
    z.object({
      session: z.string().describe('The begin of its id.'),
      tier,
      score: z.number(),
      confidence: z.number(),
      windows: count,
      reasons: z.array(reason).readonly(),
    }),
  )
  .readonly()
  .describe('Sessions that go on.')

export const personView = z.object({
  person: z.string().describe('Pseudonymous id: a keyed hash of the id of the user.'),
  revision: count.describe('As the ETag has it.'),
  createdAt: at,
  updatedAt: at,
  label: z.enum(['good', 'bad', '']),
  frozen: z.boolean(),
  contexts: z
    .array(
      z.object({
        context: z.string(),
        confirmed: count.describe('Observations that count in full.'),
        unconfirmed: count.describe('Those that count a quarter at most, all together.'),
        scores: count.describe('Own scores that thresholds are made of; from 10 on they tell.'),
      }),
    )
    .readonly(),
  sessions: z.array(sessionEnd).readonly().describe('That are over, oldest first.'),
  live: liveSessions,
  kept: z.custom<Person>().exactOptional().describe('With export=full: all that is kept.'),
})

export const tuningView = behaviorTuningSchema.extend({
  version: count.describe('0: as the configuration has it.'),
  dryRun: z
    .object({
      now: z.array(count).describe('Sessions in tier 1, 2, 3.'),
      tried: z.array(count).describe('By the settings that were sent.'),
    })
    .exactOptional(),
})

export const behaviorHealthView = z.object({
  status: z.enum(['ok', 'blind', 'off']).describe('blind: nobody can be judged; with 503.'),
  reasons: z.array(z.string()).readonly(),
  model: z.string().exactOptional(),
  keptIn: z.enum(['storage', 'memory']).exactOptional(),
  modelAgeS: z.number().exactOptional().describe('Since a batch was taken; -1: never.'),
  drift: z.number().exactOptional().describe('Digits by which the threshold of tier 2 has moved.'),
  queue: z.object({ waiting: count, max: count, unsaved: count }).exactOptional(),
  falsePositives: z
    .object({
      budget: z.number(),
      sessions: count.describe('That were scored to their end.'),
      flagged: count,
      used: z.number().describe('1: all of the budget.'),
    })
    .exactOptional()
    .describe('As if all sessions were honest.'),
  sessions: count.exactOptional(),
  people: count.exactOptional(),
  batches: count.exactOptional(),
  windows: count.exactOptional(),
  refused: z.record(z.string(), count).exactOptional().describe('In the last minute, by why.'),
  usersRefused: z
    .record(z.string(), count)
    .exactOptional()
    .describe('Since start: ids of users that servers have said and that cannot be taken, by why.'),
  captures: z
    .object({
      ...{ kept: count, bytes: count, waiting: count, eventsDropped: count },
      dropped: z.object({ edge: count, session: count, day: count, queue: count }),
    })
    .exactOptional()
    .describe('Requests captured in tier 3; since start those that had no room, by where.'),
})
