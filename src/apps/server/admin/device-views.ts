/**
 * What the admin API says of video sources: as the key service says it, and nothing besides.
 *
 * @module
 */
import { z } from 'zod'

const at = z.number().describe('Milliseconds since the Unix epoch.')
const streamState = z.enum(['learning', 'normal', 'suspicious', 'anomalous'])
const scores = z.object({ identity: z.number(), picture: z.number(), path: z.number() })

const behavior = z.object({
  protocol: z.enum(['rtp', 'srt']).describe('How it sends; of srt only headers are seen.'),
  state: streamState,
  reasons: z
    .array(
      z.object({
        group: z.enum(['evidence', 'identity', 'picture', 'path']),
        what: z.string(),
        score: z.number().describe('Over its limit.'),
      }),
    )
    .readonly(),
  scores: scores.describe('Over their limits, the highest of all windows.'),
  limit: z.number().describe('What the score of identity is compared with.'),
  ageMs: z.number().describe('Since its transport said so.'),
})

export const deviceView = z.object({
  party: z.string(),
  kind: z.enum(['device', 'transport']),
  state: z.enum(['invited', 'enrolled', 'revoked', 'quarantined']),
  since: at,
  epoch: z.number().nullable().describe('Of the key in force.'),
  step: z.string().nullable().describe('Of its rotation; idle: none.'),
  isPresent: z.boolean().describe('At the broker.'),
  behavior: behavior.nullable().describe('null: its stream is not watched, or nothing came yet.'),
})

export const devicesView = z.object({ devices: z.array(deviceView).readonly() })

export const deviceDetail = deviceView.extend({
  happened: z
    .array(
      z.object({
        at,
        what: z.string(),
        epoch: z.number().optional(),
        reason: z.string().optional(),
        tookMs: z.number().optional(),
        from: z.string().optional(),
        why: z.string().optional().describe('Evidence and scores.'),
      }),
    )
    .readonly()
    .describe('The oldest first.'),
})

export const streamView = z.object({
  at: z.array(at).readonly(),
  state: z.array(streamState).readonly(),
  scores: z
    .array(z.object({ name: z.string(), values: z.array(z.number()).readonly() }))
    .readonly(),
  limit: z.array(z.number()).readonly(),
  features: z
    .array(
      z.object({
        name: z.string(),
        middle: z.number().nullable().describe('Of the baseline; null: nothing is said of it.'),
        spread: z.number(),
        values: z.array(z.number().nullable()).readonly(),
      }),
    )
    .readonly(),
})
