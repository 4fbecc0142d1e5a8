/**
 * `behavior` and `routes[].pools`: who is at the keyboard, by how they type and point (docs/behavior.md).
 *
 * @module
 */
import { z } from 'zod'
import { TUNER_NAMES } from '../../../behavior/threshold/tier-tuner.ts'
import { captureSchema } from './capture-schema.ts'
import { CONFIG_DEFAULTS as D } from './defaults.ts'
import { name } from './words.ts'

const B = D.behavior
const FIELD = /^[A-Za-z][A-Za-z0-9-]{1,62}$/
/** A score is cut at tier3 + 1. */
const TIER_MAX = 20
const WORK_MAX = 10_000_000
const RATE_MAX = 1_000_000
/** Of a cookie (RFC 6265 section 4.1.1: a token). */
const COOKIE = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
/** Thirty days. */
const SUSPICION_S_MAX = 30 * 86_400

/** What may be changed while it runs, too. */
export const behaviorTuningSchema = z.strictObject({
  mode: z
    .enum(['observe', 'shadow', 'enforce'])
    .describe('observe: sessions are scored; shadow: servers are told; enforce: routes[].pools.'),
  thresholds: z
    .enum(['fixed', 'adaptive', ...TUNER_NAMES])
    .describe(
      'adaptive: no more sessions are flagged than the budget says; the others go by what sessions are said to have been (docs/signals.md).',
    ),
  tier2: z.number().min(0.5).max(TIER_MAX).describe('Score from which tier 2 begins, digits.'),
  tier3: z.number().min(0.5).max(TIER_MAX).describe('Score from which tier 3 begins.'),
  falsePositiveBudget: z
    .number()
    .min(0.0001)
    .max(0.5)
    .describe('Share of honest sessions that may reach tier 2.'),
  enrol: z
    .enum(['first', 'confirmed'])
    .describe(
      'first: a new profile takes the first sessions on trust; confirmed: a second factor must vouch.',
    ),
})

const T = behaviorTuningSchema.shape
export const behaviorSchema = z.strictObject({
  ...{ thresholds: T.thresholds.default(B.thresholds), tier2: T.tier2.default(B.tier2) },
  ...{ tier3: T.tier3.default(B.tier3), enrol: T.enrol.default(B.enrol) },
  mode: z
    .enum(['off', 'observe', 'shadow', 'enforce'])
    .default(B.mode)
    .describe(
      'observe: sessions are scored; shadow: servers are told; enforce: routes[].pools by tier. off: nothing is collected.',
    ),
  collect: z
    .enum(['profile', 'bot-only'])
    .default(B.collect)
    .describe('bot-only: no profile of anybody is kept; only machines that type are found.'),
  compareWith: z
    .enum(['others', 'self'])
    .default(B.compareWith)
    .describe(
      "others: free text is scored against other people's records, too; self: only against the person's own.",
    ),
  userField: z
    .string()
    .regex(FIELD, 'must be the name of a field')
    .default(B.userField)
    .describe('Field of answers in which servers say who the user is; not passed on to clients.'),
  falsePositiveBudget: T.falsePositiveBudget.default(B.falsePositiveBudget),
  sessionS: z
    .int()
    .min(60)
    .max(86_400)
    .default(B.sessionS)
    .describe('A session that tells nothing for so many seconds is over.'),
  everyMs: z
    .int()
    .min(2000)
    .max(600_000)
    .default(B.everyMs)
    .describe('Pages send no sooner after the batch before.'),
  batchesPerMinute: z
    .strictObject({
      session: z
        .int()
        .min(0)
        .max(RATE_MAX)
        .default(B.batchesPerMinute.session)
        .describe('Batches of a session.'),
      address: z
        .int()
        .min(0)
        .max(RATE_MAX)
        .default(B.batchesPerMinute.address)
        .describe('Requests of an address to where batches are taken; of IPv6 a /48.'),
    })
    .prefault({})
    .describe('More are answered with 429. 0: no limit.'),
  plainLoopback: z
    .boolean()
    .default(B.plainLoopback)
    .describe('Batches are taken without TLS from this machine, for development.'),
  sessionCookie: z
    .string()
    .regex(COOKIE, 'must be the name of a cookie')
    .exactOptional()
    .describe('Cookie of the application by which it knows who is logged in: tiers stick to it.'),
  suspicionS: z
    .int()
    .min(0)
    .max(SUSPICION_S_MAX)
    .default(B.suspicionS)
    .describe('New sessions of a user begin in the tier another has reached, for so many seconds.'),
  requestsPerSecond: z
    .number()
    .min(0)
    .max(1_000_000)
    .default(B.requestsPerSecond)
    .describe('Of a session in tier 2, per worker; 0 for no limit. With mode: enforce.'),
  work: z
    .int()
    .min(0)
    .max(WORK_MAX)
    .default(B.work)
    .describe('A proof of work of about so many hashes in tier 2; 0 for none. With mode: enforce.'),
  store: z
    .enum(['lmdb', 'redis'])
    .default(B.store)
    .describe('Where people are kept: in data/, or in sessions.redis for all edges.'),
  onError: z
    .enum(['open', 'closed'])
    .default(B.onError)
    .describe(
      'The storage of people fails. At start: open keeps them in memory, closed refuses to start. Later: open takes who cannot be loaded for ordinary, closed for tier 2.',
    ),
  capture: captureSchema.prefault({}).describe('Requests of sessions in tier 3, for who analyses.'),
})

export const tierPoolsSchema = z.strictObject({
  tier2: name.exactOptional().describe('The pool of sessions in tier 2.'),
  tier3: name.exactOptional().describe('The pool of sessions in tier 3; else as tier 2.'),
})
