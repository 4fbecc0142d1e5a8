/**
 * Custody as the admin API shows it: `apps/server/custody/custody-view.ts` says what each means.
 *
 * @module
 */
import { z } from 'zod'
import { DEMANDED } from '../../custody/operation-costs.ts'
import type { CustodyView } from '../custody/custody-view.ts'

const at = z.number().describe('Milliseconds since the Unix epoch.')
const count = z.int().min(0)
const rate = z.number().nullable()
const verdict = z
  .enum(['good', 'away', 'corrupt', 'lost', 'old', 'wrong', 'unknown', 'other'])
  .describe(
    'away: the node did not answer; corrupt: not what was committed to; lost: it has none; old: of another generation; wrong: no proof; other: of another key of the same id.',
  )
const operation = z.enum(DEMANDED)

const nodeView = z.object({
  ...{ id: z.string(), domain: z.string() },
  state: z.enum(['up', 'away', 'distrusted']).describe('distrusted: it has lied within a minute.'),
  shares: count,
  rttMs: rate,
  load: rate.describe('Share of its CPU that is expected to be used. null: not known.'),
  cache: z
    .object({ hits: count, misses: count, hitRate: rate })
    .nullable()
    .describe('Shares that were at hand, and that were read and opened.'),
  operations: z
    .array(z.object({ operation: z.string(), count }))
    .readonly()
    .describe('Answered since Limen started, the most frequent first.'),
  unanswered: count,
})

const keyView = z.object({
  id: z.string().describe('32 hexadecimal digits.'),
  name: z.string().nullable().describe('USE/NAME@VERSION. null: only its id is known.'),
  type: z.enum(['ed25519', 'ristretto255', 'octets']),
  threshold: count.describe('Holders that are needed to use it.'),
  generation: count.describe('Of its shares.'),
  holders: z.array(z.string()).readonly(),
  present: count.describe('Holders that have a share of the generation.'),
  isSafe: z.boolean().describe('Whether any one domain may be lost, or taken over.'),
  drill: z
    .object({
      at,
      verdict: z
        .enum(['good', 'repaired', 'away', 'bad'])
        .describe('away: nothing is bad, and a holder did not answer.'),
      shares: z
        .array(z.object({ node: z.string(), verdict: z.union([verdict, z.literal('repaired')]) }))
        .readonly(),
    })
    .nullable()
    .describe('The last one. null: none since Limen started.'),
  uses: z
    .array(
      z.object({
        operation,
        count: count.describe('As far back as is remembered: three weeks.'),
        perMinute: rate.describe('In the last minute.'),
        expectedPerMinute: z.number().describe('In the mean of the coming hour.'),
      }),
    )
    .readonly(),
})

const planView = z.object({
  mode: z.enum(['off', 'plan', 'act']).describe('plan: nothing is moved.'),
  at: at.nullable(),
  by: z.enum(['solver', 'greedy']).nullable(),
  costMs: rate.describe('Of the mean operation, with shares where they are.'),
  plannedMs: rate.describe('After the moves.'),
  boundMs: rate.describe('No placement, with what its moves are to be worth, is below it.'),
  isWorthIt: z.boolean().describe('Whether the moves gain more than they have to.'),
  moves: z
    .array(
      z.object({
        ...{ key: z.string(), from: z.string(), to: z.string() },
        outcome: z
          .enum(['moved', 'gone', 'unsafe', 'failed'])
          .nullable()
          .describe('null: it was not made.'),
      }),
    )
    .readonly(),
})

export const custodyView = z.object({
  nodes: z.array(nodeView).readonly(),
  keys: z.array(keyView).readonly(),
  drill: z.object({
    ...{ everyS: count, repair: z.boolean(), repairs: count },
    verdicts: z
      .array(z.object({ node: z.string(), verdict, count }))
      .readonly()
      .describe('Since Limen started.'),
  }),
  plan: planView,
  countedAt: at.nullable().describe('When the last minute ended that was counted.'),
  operations: z
    .array(
      z.object({
        operation,
        history: z.array(rate).readonly().describe('Minutes, the last is the one that is over.'),
        expected: z.array(z.number()).readonly().describe('Each minute of the coming hour.'),
      }),
    )
    .readonly()
    .describe('Uses of all keys, in each minute.'),
  events: z
    .array(
      z.object({
        ...{ at, keyId: z.string(), name: z.string().nullable(), node: z.string() },
        fault: z.string().nullable().describe('null: the share is good again.'),
      }),
    )
    .readonly()
    .describe('Bad shares, the newest first; at most 100.'),
}) satisfies z.ZodType<CustodyView>
