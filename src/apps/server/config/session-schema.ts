/**
 * `sessions` and `routes[].session`: session keys that clients prove to hold with each request (LSK/1).
 *
 * @module
 */
import { z } from 'zod'
import { CONFIG_DEFAULTS as D } from './defaults.ts'
import { address, count, file, HOST } from './words.ts'

/** LSK/1, section 1.10: what is revoked must be remembered that long. */
const TICKET_S_MAX = 900
/** A week. */
const EPOCH_S_MAX = 7 * 86_400
/** LSK/1, section 1.8. */
const ROTATE_S_MAX = 43_200
/** As far as forecasts of sessions look. */
const LEAD_S_MAX = 3600
const KEEP_S_MAX = 7 * 86_400
/** Long enough to be renewed several times on a busy machine; a year and a month, as of a CA in files. */
const CERTIFICATE_S_MIN = 10
const CERTIFICATE_S_MAX = 397 * 86_400
/** In each SAN of the cluster's certificates. */
export const EDGE_ID = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/
/** A table row, a connection and a feed each. */
const EDGES_MAX = 256
/** As many names as a large certificate has. */
const HOSTS_MAX = 1000
const REDIS_URL = /^rediss?:\/\/[a-z0-9.[\]:-]{1,255}(?:\/\d{1,4})?$/i
/** Each is two or three keys in every worker. */
const GROUPS_MAX = 64
const SUITE_NAMES = ['x25519-mlkem768', 'x25519', 'p256'] as const

const R = D.routeSession
export const routeSessionSchema = z.strictObject({
  replay: z
    .enum(['edge', 'owner', 'cluster'])
    .default(R.replay)
    .describe(
      'Who is asked whether an unsafe request was made before: this edge, the one that owns the session, or Redis. Of GET, HEAD and OPTIONS this edge knows.',
    ),
  bodyDigest: z
    .boolean()
    .default(R.bodyDigest)
    .describe('A body must be covered by content-digest, and is compared with it as it passes.'),
  sealBodies: z
    .boolean()
    .default(R.sealBodies)
    .describe('Bodies are sealed under the session (aes128gcm, RFC 8188), both ways.'),
  bearer: z
    .boolean()
    .default(R.bearer)
    .describe('The cookie __Host-limen counts too, as a lower level. Needs sessions.bearer.'),
  rotation: z
    .strictObject({
      everyS: z
        .int()
        .min(1)
        .max(ROTATE_S_MAX)
        .describe('Seconds; not more often than sessions.rotation.leastS.'),
    })
    .optional()
    .describe('Keys that are shown here rotate more often than sessions.rotation says.'),
})

const S = D.sessions
const seconds = (max: number) => z.int().min(1).max(max)
const groupRotation = z.strictObject({
  everyS: seconds(ROTATE_S_MAX).exactOptional().describe('As sessions.rotation.everyS.'),
  leastS: seconds(ROTATE_S_MAX).exactOptional().describe('As sessions.rotation.leastS.'),
  mostS: seconds(ROTATE_S_MAX).exactOptional().describe('As sessions.rotation.mostS.'),
})
const served = z.array(z.int().min(0).max(255)).min(1).max(GROUPS_MAX)
export const sessionsSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(S.enabled)
    .describe('Open session keys for clients that ask, below /.well-known/limen of every host.'),
  suites: z
    .array(z.enum(SUITE_NAMES))
    .min(1, 'needs at least one suite')
    .default([...S.suites])
    .describe('Key agreements, the preferred first.'),
  ticketS: seconds(TICKET_S_MAX)
    .default(S.ticketS)
    .describe('A session lives so long unless it rotates, in seconds.'),
  epochS: seconds(EPOCH_S_MAX)
    .default(S.epochS)
    .describe('The keys that seal tickets are replaced after so long; 4 * ticketS at least.'),
  rotation: z
    .strictObject({
      everyS: seconds(ROTATE_S_MAX)
        .default(S.rotation.everyS)
        .describe('Seconds between rotations of an ordinary session.'),
      leastS: seconds(ROTATE_S_MAX).default(S.rotation.leastS).describe('Never more often.'),
      mostS: seconds(ROTATE_S_MAX).default(S.rotation.mostS).describe('Never less often.'),
      perSecondMax: count(1_000_000)
        .default(S.rotation.perSecondMax)
        .describe(
          'Rotations per second, at the key server and asked for by each worker; suspicion is not held to it.',
        ),
      byLoad: z
        .boolean()
        .default(S.rotation.byLoad)
        .describe('Put rotations off while this machine is busy.'),
    })
    .prefault({})
    .describe('How often keys rotate.'),
  groups: z
    .array(
      z.strictObject({
        id: z.int().min(0).max(255).describe('Number of the group, in each ticket.'),
        hosts: z
          .array(z.string().regex(HOST))
          .default([])
          .describe('Hosts whose sessions are of this group; empty: all others.'),
        rotation: groupRotation
          .exactOptional()
          .describe('How often keys of its sessions rotate, where it is not as of all others.'),
      }),
    )
    .min(1, 'needs at least one group')
    .max(GROUPS_MAX)
    .default([...S.groups.map(({ id }) => ({ id, hosts: [] }))])
    .describe('Sessions of each are sealed under keys of its own.'),
  onFeedSilent: z
    .enum(['open', 'closed'])
    .default(S.onFeedSilent)
    .describe('A worker hears nothing of revocations: open lets sessions pass, closed does not.'),
  onReplayError: z
    .enum(['open', 'closed'])
    .default(S.onReplayError)
    .describe(
      'Nobody can say in time whether an unsafe request came before: open lets it pass, closed answers 503.',
    ),
  bearer: z
    .boolean()
    .default(S.bearer)
    .describe('Set tickets as a cookie too, for routes that take it as a lower level.'),
  strictSupersede: z
    .boolean()
    .default(S.strictSupersede)
    .describe('After a rotation the old key is no good: in 30 s, or 5 s on suspicion.'),
  login: z
    .strictObject({
      jwks: file.describe('JWK Set of the keys the application signs with.'),
      issuer: z.string().min(1).max(512).optional().describe('Its iss; without it any will do.'),
    })
    .optional()
    .describe('Take a signed JWT of the application as proof of who logged in.'),
  hosts: z
    .array(z.string().regex(HOST).min(1))
    .max(HOSTS_MAX)
    .default([])
    .describe('Hosts that sessions are opened for; empty: those the certificates name.'),
  listen: address
    .default(S.listen)
    .describe('Where edges hand requests for keys to the key server: plain HTTP, a trusted net.'),
  cluster: z
    .strictObject({
      address: address.describe('Where other edges come for keys and revocations (mutual TLS).'),
      certificateS: z
        .int()
        .min(CERTIFICATE_S_MIN)
        .max(CERTIFICATE_S_MAX)
        .default(S.certificateS)
        .describe('With custody: certificates are good for so long; edges renew after a third.'),
      placement: z
        .strictObject({
          leadS: seconds(LEAD_S_MAX)
            .default(S.placement.leadS)
            .describe('An edge gets the keys of sessions that are expected there so long before.'),
          keepS: seconds(KEEP_S_MAX)
            .default(S.placement.keepS)
            .describe('And keeps them so long after they were needed last.'),
          groupsMax: z
            .int()
            .min(0)
            .max(GROUPS_MAX)
            .default(S.placement.groupsMax)
            .describe('Groups that one edge gets so, besides those it serves.'),
        })
        .prefault({})
        .describe('Keys for edges ahead of their sessions, with forecast.mode: act.'),
    })
    .optional()
    .describe('Serve other edges too; limen keys does it alone.'),
  server: z
    .strictObject({
      address: address.describe('Its sessions.cluster.address.'),
      http: address.describe('Its sessions.listen.'),
      credentials: file.describe('A folder that limen cluster issue made.'),
    })
    .optional()
    .describe('The key server is another process: instead of enabled.'),
  serves: served
    .optional()
    .describe('On an edge of a key server elsewhere: groups whose keys it holds; without: all.'),
  edges: z
    .array(
      z.strictObject({
        id: z.string().regex(EDGE_ID, 'must be a lower-case DNS label').describe('Its name.'),
        address: address.describe('Where it listens for the other edges (mutual TLS).'),
        serves: served
          .optional()
          .describe('Groups whose keys the key server gives it at most; without: all.'),
      }),
    )
    .max(EDGES_MAX)
    .default([])
    .describe('All edges: who owns which proofs with replay: owner. The same list everywhere.'),
  redis: z
    .strictObject({
      url: z
        .string()
        .regex(REDIS_URL, 'must be redis://host:port or rediss://host:port, without a password')
        .describe('A Redis that all edges share, for replay: cluster.'),
      username: z.string().min(1).max(128).optional().describe('As its ACL has it.'),
      passwordFile: file.optional().describe('A file that holds the password.'),
      caFile: file.optional().describe('PEM of the CA to trust, for rediss.'),
    })
    .optional()
    .describe('Where proofs of routes with replay: cluster are remembered.'),
  keepMax: count(10_000_000)
    .default(S.keepMax)
    .describe('Sessions remembered, to be shown and to rotate once; the oldest fall out.'),
  openPerSecondMax: count(100_000)
    .default(S.openPerSecondMax)
    .describe('Sessions opened per second; more are asked to try again.'),
})
