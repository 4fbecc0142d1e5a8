/**
 * Session keys and sessions as schemas, for OpenAPI and for what leaves the house.
 *
 * @module
 */
import { z } from 'zod'
import type {
  EdgeView,
  KeyServerFigures,
  KeysView,
  PlacementsView,
} from '../key-server/key-views.ts'
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
          holders: list(
            z.object({
              name: z.string().describe('Of its process.'),
              kind: z.string().describe('worker, of this process, or edge.'),
              holds: z.boolean(),
            }),
          ),
        }),
      ),
    }),
  ).describe('What tickets are sealed under.'),
}) satisfies z.ZodType<KeysView>

export const edgeView = z.object({
  id: z.string(),
  run: z.string().describe('Of its process: what is started again is another.'),
  state: z.enum(['connected', 'gone']).describe('gone: it may come back within 15 s.'),
  connectedAt: at,
  heardAt: at.describe('Of anything it said or asked.'),
  serves: list(z.int()).describe('Groups whose keys it is to hold; empty: all.'),
  placed: list(z.int()).describe('Groups whose keys were placed there ahead of their sessions.'),
  drainsAt: at.describe('When its sessions go elsewhere; 0: nobody said so.'),
  excluded: list(z.int()).describe('Groups of which it did not take a key in time.'),
  held: z.int().describe('Keys that all its workers hold.'),
  keys: z.int().describe('Keys it is to hold.'),
  feed: z.int().describe('Number of the last entry of the feed that it was told.'),
  behindBytes: z.int().describe('Of the feed, yet to be taken.'),
}) satisfies z.ZodType<EdgeView>

export const placementsView = z.object({
  mode: z.enum(['observe', 'act']).describe('observe: nothing is placed, only shown.'),
  placements: list(
    z.object({
      edge: z.string(),
      group: z.int(),
      state: z
        .enum(['held', 'sent', 'shown'])
        .describe('held by all workers of the edge, sent to it, or only shown.'),
      since: at,
      needed: at.describe('When it was needed last.'),
      reason: z.enum(['recent', 'forecast', 'drain', 'others', 'used', 'kept']),
      why: z.string(),
    }),
  ),
  firstRequests: list(
    z.object({
      edge: z.string(),
      group: z.int(),
      found: z.int().describe('First requests of sessions whose key was there.'),
      missed: z.int().describe('Whose key was not there, by what clients say.'),
      late: z.int().describe('Of those, whose key came later.'),
      sessions: z.number().describe('Counted in the last life of a ticket.'),
      expected: z.number().describe('Within sessions.cluster.placement.leadS.'),
    }),
  ).describe('Since the edge was started.'),
}) satisfies z.ZodType<PlacementsView>

export const sessionView = z.object({
  id: z.string(),
  generation: z.int(),
  openedAt: at,
  rotatedAt: at,
  reason: z.enum(['opened', 'time', 'security', 'client']).describe('Of the last rotation.'),
  rotateAfter: at.describe('When its key is to rotate next.'),
  why: list(z.string()).describe('Why then.'),
  expires: at,
  tier: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  group: z.int(),
  suite: z.enum(['x25519', 'p256', 'x25519-mlkem768']),
  origin: z.string(),
  subject: z.string().exactOptional().describe('Pseudonym of who logged in.'),
  revoked: z.boolean(),
}) satisfies z.ZodType<SessionView>

const counts = z.record(z.string(), z.number()).readonly()

/** Whatever the role of this process: an edge of a key server elsewhere checks, and opens nothing. */
export const sessionFiguresView = z.object({
  keyServer: z.enum(['here', 'elsewhere', 'none']),
  checks: counts.describe('Of requests on routes that look at session keys, by what they came to.'),
  handoffs: counts.describe('Sessions that went from one server to another, by reason/result.'),
  opened: z
    .object({
      sessions: z.int().describe('Whose keys are good.'),
      handshakes: list(
        z.object({ kind: z.enum(['open', 'rotate']), result: z.string(), count: z.number() }),
      ),
      rotations: counts.describe('Keys agreed on, by why.'),
      revocations: counts,
    })
    .exactOptional()
    .describe('Where the key server is here.'),
})

/** The figures of a key server as far as they are for people. */
export function openedView({
  sessions,
  handshakes,
  rotations,
  revocations,
}: KeyServerFigures): NonNullable<z.output<typeof sessionFiguresView>['opened']> {
  return { sessions, handshakes, rotations: { ...rotations }, revocations: { ...revocations } }
}

export const revokedView = z.object({
  remembered: z.int().describe('How many sessions of the table that were.'),
})
