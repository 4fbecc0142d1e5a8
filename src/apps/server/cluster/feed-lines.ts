/**
 * What the key server tells an edge while it listens (`GET /v1/feed`), a JSON object per line: where the feed goes on from,
 * its entries, and when there are keys to fetch.
 *
 * @module
 */
import { z } from 'zod'
import type { NumberedEntry } from '../../../keys/session/revocations.ts'
import type { Suspicion } from '../../../keys/session/suspicions.ts'
import type { Checkpoint } from './feed-chain.ts'
import { SUSPICION_FIELDS } from './session-suspicions.ts'

export type FeedLine =
  /** The first. `anew`: what follows is everything, not what came after the number that was asked from. */
  | { readonly kind: 'begin'; readonly anew: boolean }
  /** Other keys than before are to be held. */
  | { readonly kind: 'keys' }
  /** Another edge suspects it. No entry: it is told once, and to who listens. */
  | ({ readonly kind: 'suspect' } & Suspicion)
  | Exclude<NumberedEntry, { readonly kind: 'checkpoint' }>
  /** Nothing is missing before it, as the chain shows (`feed-chain.ts`). */
  | ({ readonly kind: 'checkpoint'; readonly from?: number } & Checkpoint)

/** An entry is some hundred bytes. */
export const FEED_LINE_CHARS_MAX = 4096

const seconds = z.int().min(0).max(0xffffffff)
const name = z.string().regex(/^[\w-]{22}$/)
const numbered = {
  seq: z.int().min(0),
  from: z.int().min(0).exactOptional(),
}
const generation = z.int().min(0).max(0xffffffff)
const line = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('begin'), anew: z.boolean() }),
  z.strictObject({ kind: z.literal('keys') }),
  z.strictObject({ kind: z.literal('suspect'), ...SUSPICION_FIELDS }),
  z.strictObject({
    ...{ kind: z.literal('checkpoint'), ...numbered },
    chain: z.string().regex(/^[\w-]{43}$/),
    signature: z.string().regex(/^[\w-]{86}$/),
  }),
  z.strictObject({
    ...{ kind: z.literal('revoke'), ...numbered },
    ...{ session: name, generation, until: seconds },
  }),
  z.strictObject({
    ...{ kind: z.literal('revoke-subject'), ...numbered },
    ...{ subject: name, openedBefore: seconds, until: seconds },
  }),
  z.strictObject({
    ...{ kind: z.literal('revoke-group'), ...numbered },
    ...{ group: z.int().min(0).max(255), epochMax: z.int().min(0).max(0xffffff) },
  }),
  z.strictObject({
    ...{ kind: z.literal('supersede'), ...numbered },
    ...{ session: name, generation, after: seconds, until: seconds },
  }),
])

/** undefined for anything that is not a line of ours. Never throws. */
export function readFeedLine(text: string): FeedLine | undefined {
  if (text.length > FEED_LINE_CHARS_MAX) return undefined
  try {
    const outcome = line.safeParse(JSON.parse(text))
    return outcome.success ? outcome.data : undefined
  } catch {
    return undefined
  }
}

/** Without its end. */
export function writeFeedLine(value: FeedLine): string {
  return JSON.stringify(value)
}
