/**
 * Session keys and sessions as schemas, for OpenAPI and for what leaves the house.
 *
 * @module
 */
import { z } from 'zod'
import type { KeysView } from '../key-server/key-views.ts'
import type { SessionView } from '../key-server/session-table.ts'

const at = z.int().describe('Milliseconds since the Unix epoch.')
const list = <T extends z.ZodType>(item: T) => z.array(item).readonly()

export const keysView = z.object({
  identity: z.string().describe('What clients pin: Ed25519, base64.'),
  keys: list(
    z.object({
      id: z.int(),
      kem: z.enum(['x25519', 'p256', 'x-wing']),
      notBefore: at,
      expires: at,
    }),
  ).describe('What clients seal their first message to.'),
  groups: list(
    z.object({
      group: z.int(),
      hosts: list(z.string()).describe('Empty: all others.'),
      epochs: list(
        z.object({
          epoch: z.int(),
          state: z.enum(['pending', 'active', 'accept']),
          madeAt: at,
          activeAt: at.describe('0 before it is.'),
          acceptUntil: at.describe('0 while it is not superseded.'),
          heldBy: z.int().describe('Workers that hold it.'),
          workers: z.int().describe('Workers there are.'),
        }),
      ),
    }),
  ).describe('What tickets are sealed under.'),
}) satisfies z.ZodType<KeysView>

export const sessionView = z.object({
  id: z.string(),
  generation: z.int(),
  openedAt: at,
  rotatedAt: at,
  reason: z.enum(['opened', 'time', 'security', 'client']).describe('Of the last rotation.'),
  expires: at,
  tier: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  group: z.int(),
  suite: z.enum(['x25519', 'p256', 'x25519-mlkem768']),
  origin: z.string(),
  subject: z.string().exactOptional().describe('Pseudonym of who logged in.'),
  revoked: z.boolean(),
}) satisfies z.ZodType<SessionView>

export const revokedView = z.object({
  remembered: z.int().describe('How many sessions of the table that were.'),
})
