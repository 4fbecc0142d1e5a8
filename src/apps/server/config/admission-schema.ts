/**
 * `admission`: what is done with suspicious handshakes.
 *
 * @module
 */
import { z } from 'zod'
import type { Detector } from '../../../behavior/decision.ts'
import { CONFIG_DEFAULTS as D } from './defaults.ts'
import { address, count, name } from './words.ts'

const REGION = /^[a-z0-9._-]{0,63}$/i
/** Ten years. */
const HOURS_MAX = 10 * 366 * 24
/** A pool of handshake servers is one table row each in the console. */
const MEMBERS_MAX = 64
/** More than a tenth of honest clients is no budget. */
const BUDGET_MAX = 0.1
/** Above 10^8 hashes a phone works for minutes. */
const WORK_MAX = 100_000_000

const score = z.number().min(0).max(100)

const A = D.admission
const mode = z.enum(['observe', 'shadow', 'enforce'])
const region = z
  .string()
  .regex(REGION, 'must be letters, digits, ".", "_" or "-", at most 63, or empty')
const hours = z.int().min(1).max(HOURS_MAX)
const DETECTS: Readonly<Record<Detector, string>> = {
  randomness: 'Random values that repeat or are not random: exact tests.',
  rarity: 'How common the fingerprint is here.',
  form: 'Malformed, fragmented or slow hellos.',
  profile: 'Distance to what this client did before, and to all clients.',
  rate: 'Too many handshakes at once.',
  signature: 'A confirmed pattern of attack.',
}
const detector = (name: Detector) =>
  mode.default(A.detectors[name]).describe(`${DETECTS[name]} No more than mode lets it.`)

const member = z.strictObject({
  id: name.describe('What decisions call this member.'),
  address: address
    .optional()
    .describe('A TLS server that takes PROXY protocol v2. Without it: this process.'),
  region: region.default('').describe('Where it is.'),
})
const handshakePool = {
  choose: z
    .enum(['random', 'region'])
    .default(A.pool.choose)
    .describe('region: members of the same region first.'),
  region: region.default(A.pool.region).describe('Where this edge is.'),
  members: z
    .array(member)
    .min(1, 'needs at least one member')
    .max(MEMBERS_MAX)
    .default([{ id: A.pool.members[0].id, region: '' }])
    .describe('Who shakes hands.'),
}

/** A part that may also stand alone, as a policy to try: `limen decisions replay`. */
export const admissionSchema = z.strictObject({
  mode: mode
    .default(A.mode)
    .describe('The most any detector may do: only look; say what it would do; act.'),
  detectors: z
    .strictObject({
      randomness: detector('randomness'),
      rarity: detector('rarity'),
      form: detector('form'),
      profile: detector('profile'),
      rate: detector('rate'),
      signature: detector('signature'),
    })
    .prefault({})
    .describe('What each does with its evidence, where mode is enforce.'),
  tier2: score.default(A.tier2).describe('Score (-log10 p) from which tier 2 begins.'),
  tier3: score.default(A.tier3).describe('Score (-log10 p) from which tier 3 begins.'),
  falsePositiveBudget: z
    .number()
    .gt(0)
    .max(BUDGET_MAX)
    .default(A.falsePositiveBudget)
    .describe('Share of honest clients that may reach tier 2: what learned scores are held to.'),
  onError: z
    .enum(['open', 'closed', 'tier2'])
    .default(A.onError)
    .describe(
      'The profile database fails: open goes on without it, tier2 sends every new handshake to the rigorous pool, closed does too, and refuses to start.',
    ),
  primary: z.strictObject(handshakePool).prefault({}).describe('Who shakes hands with everybody.'),
  rigorous: z
    .strictObject({
      ...handshakePool,
      connectionsMax: count(1_000_000)
        .default(A.rigorous.connectionsMax)
        .describe('Connections it holds at once, per worker; more are refused.'),
      perProfilePerSecond: z
        .number()
        .gt(0)
        .max(1_000_000)
        .default(A.rigorous.perProfilePerSecond)
        .describe('New connections per second and profile, per worker; more are refused.'),
      helloRetry: z
        .boolean()
        .default(A.rigorous.helloRetry)
        .describe('Ask for another key share: one round trip more.'),
      userAgentCheck: z
        .boolean()
        .default(A.rigorous.userAgentCheck)
        .describe('Look whether the User-Agent can be of the software that shook hands.'),
      work: z
        .int()
        .min(0)
        .max(WORK_MAX)
        .default(A.rigorous.work)
        .describe('A proof of work of about so many hashes before the first request; 0: none.'),
    })
    .prefault({})
    .describe('Who shakes hands with clients of tier 2 and 3: more rigorously.'),
  profiles: z
    .strictObject({
      keepMax: count(100_000_000)
        .default(A.profiles.keepMax)
        .describe('Profiles kept; beyond it the least useful go.'),
      hotMax: count(10_000_000).default(A.profiles.hotMax).describe('Profiles held in memory.'),
      ttlHours: hours
        .default(A.profiles.ttlHours)
        .describe('Unseen for so long, one is forgotten.'),
    })
    .prefault({})
    .describe('What is remembered of clients.'),
  signatures: z
    .strictObject({
      ttlHours: hours
        .default(A.signatures.ttlHours)
        .describe('A confirmed pattern is forgotten after so long.'),
    })
    .prefault({})
    .describe('Confirmed patterns of attack.'),
})
