/**
 * `limen.yaml`, closed: every key that may be written, its shape, its default and one sentence of documentation.
 * What must hold *between* keys is in `cross-checks.ts`; finding the line to blame is in `read-config.ts`.
 *
 * @module
 */
import { z } from 'zod'
import type { Detector } from '../../../behavior/decision.ts'
import { CHOICE_POLICIES } from '../../../routing/balancer.ts'
import { type Address, readAddress } from './address.ts'
import { calendarsSchema } from './calendar-schema.ts'
import { CONFIG_DEFAULTS as D } from './defaults.ts'
import { scalingSchema } from './scaling-schema.ts'

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62})$/i
/** `__Host-` makes the browser refuse the cookie from any other host or an insecure page (RFC 6265bis, 4.1.3.2). */
const COOKIE = /^__Host-[A-Za-z0-9_-]{1,48}$/
const REGION = /^[a-z0-9._-]{0,63}$/i
/** Ten years. */
const HOURS_MAX = 10 * 366 * 24
/** A pool of handshake servers is one table row each in the console. */
const MEMBERS_MAX = 64
/** More than a tenth of honest clients is no budget. */
const BUDGET_MAX = 0.1
/** LSK/1, section 1.10: what is revoked must be remembered that long. */
const TICKET_S_MAX = 900
/** A week. */
const EPOCH_S_MAX = 7 * 86_400
/** LSK/1, section 1.8. */
const ROTATE_S_MAX = 43_200
/** In each SAN of the cluster's certificates. */
export const EDGE_ID = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/
/** A table row, a connection and a feed each. */
const EDGES_MAX = 256
/** As many names as a large certificate has. */
const HOSTS_MAX = 1000
const REDIS_URL = /^rediss?:\/\/[a-z0-9.[\]:-]{1,255}(?:\/\d{1,4})?$/i
/** Each is two or three keys in every worker. */
const GROUPS_MAX = 64
export const SUITE_NAMES = ['x25519-mlkem768', 'x25519', 'p256'] as const
/** Above 10^8 hashes a phone works for minutes. */
const WORK_MAX = 100_000_000
const AGENT = /^http:\/\/(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253}):\d{1,5}\/[!-~]{0,255}$/i
const HOST = /^(?:|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)$/

const name = z.string().regex(NAME, 'must be letters, digits, ".", "_" or "-", at most 63')
const file = z.string().min(1, 'must name a file')
const address = z
  .string()
  .refine((text): boolean => readAddress(text) !== undefined, {
    message: 'must be host:port, an IPv6 host in square brackets',
  })
  .meta({ examples: ['127.0.0.1:8443', '[::1]:8443'] })
const urlPath = z.string().regex(/^\//, 'must begin with /')
const count = (max: number) => z.int().min(1).max(max)
/** A timer in Node holds 31 bits of milliseconds. */
const ms = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
const score = z.number().min(0).max(100)

const listener = z.strictObject({
  name: name.describe('What decisions and metrics call this listener.'),
  address: address.describe('Where to listen.'),
  tls: z
    .strictObject({
      minVersion: z
        .enum(['TLSv1.2', 'TLSv1.3'])
        .default(D.tls.minVersion)
        .describe('The oldest TLS version accepted.'),
      alpn: z
        .array(z.enum(['h2', 'http/1.1']))
        .min(1)
        .default([...D.tls.alpn])
        .describe('Protocols offered, the preferred first.'),
    })
    .optional()
    .describe('Serve TLS. Without it the listener speaks plain HTTP.'),
  proxyProtocol: z
    .enum(['off', 'required'])
    .default('off')
    .describe('required: every connection must begin with a PROXY protocol v2 header.'),
})

const certificate = z.union([
  z.strictObject({
    certFile: file.describe('PEM chain, the leaf first.'),
    keyFile: file.describe('PEM private key of the leaf.'),
  }),
  z.strictObject({
    localCa: z
      .array(z.string().min(1).max(253))
      .min(1)
      .max(100)
      .describe('Names and addresses to certify with a CA made on first start, kept in data/.'),
  }),
])

const server = z.strictObject({
  id: name.describe('What the admin API calls this server.'),
  address: address.describe('Where the server listens.'),
  weight: z
    .int()
    .min(0)
    .max(256)
    .default(D.server.weight)
    .describe('Its share of the load is its weight over the sum; 0 takes none.'),
  connectionsMax: count(100_000)
    .default(D.server.connectionsMax)
    .describe('Connections per worker; further requests wait timeouts.queueMs, then 503.'),
  proxyProtocol: z
    .enum(['off', 'v2'])
    .default(D.server.proxyProtocol)
    .describe('v2: begin each connection with a PROXY protocol v2 header.'),
  labels: z
    .array(z.enum(['bandwidth', 'low-latency', 'websocket']))
    .default([...D.server.labels])
    .describe('What it is good for; looked at with choose: fit.'),
  agent: z
    .string()
    .refine((text): boolean => AGENT.test(text) && URL.canParse(text), {
      message: 'must be http://host:port/path',
    })
    .optional()
    .describe('Where limen load-agent on its machine is asked for its load.')
    .meta({ examples: ['http://10.0.0.7:9450/load'] }),
})

const health = z.strictObject({
  path: urlPath.default(D.health.path).describe('GET this; 2xx and 3xx are good.'),
  intervalMs: ms.default(D.health.intervalMs).describe('From one check to the next.'),
  timeoutMs: ms.default(D.health.timeoutMs).describe('A check not answered by then is bad.'),
  rise: count(100).default(D.health.rise).describe('Good checks in a row that bring a server up.'),
  fall: count(100).default(D.health.fall).describe('Bad checks in a row that take it down.'),
  anomalies: z
    .enum(['observe', 'probe'])
    .default(D.health.anomalies)
    .describe(
      'When a server does what it never did (requests, errors, latency): observe says so; probe has it checked at once, too.',
    ),
})

const outlier = z.strictObject({
  consecutiveFailures: count(1000)
    .default(D.outlier.consecutiveFailures)
    .describe('Failed live requests in a row that eject a server.'),
  ejectMs: ms.default(D.outlier.ejectMs).describe('How long it stays ejected.'),
  ejectShareMax: z
    .number()
    .min(0)
    .max(1)
    .default(D.outlier.ejectShareMax)
    .describe('At most this share of a pool is ever ejected.'),
})

const pool = z.strictObject({
  name: name.describe('What routes call this pool.'),
  servers: z.array(server).min(1, 'needs at least one server').describe('Who answers.'),
  choose: z
    .enum(CHOICE_POLICIES)
    .default(D.pool.choose)
    .describe(
      'How a server is chosen. latency: of two, the one expected to answer sooner; p2c: of two, the less loaded; prequal: of three, the fastest that is not hot; consistent-hash: by the affinity cookie; fit: by what suits the client.',
    ),
  slowStartMs: z
    .number()
    .int()
    .min(0)
    .max(3_600_000)
    .default(D.pool.slowStartMs)
    .describe('With latency: a server that comes up gets its share over this time; 0: at once.'),
  affinity: z
    .strictObject({
      cookie: z
        .string()
        .regex(COOKIE, 'must begin with __Host-')
        .optional()
        .describe('Name of the signed cookie.'),
      session: z
        .boolean()
        .default(D.pool.affinitySession)
        .describe('By the session of requests under a session key; the cookie is for others.'),
    })
    .optional()
    .describe('Keep a client on its server while that one is well.'),
  handoff: z
    .strictObject({
      state: z
        .boolean()
        .default(D.pool.handoffState)
        .describe('What a server hands over of a session goes to the next before its requests.'),
    })
    .optional()
    .describe('What becomes of a session that goes to another server.'),
  boundedLoad: z
    .number()
    .min(1)
    .max(10)
    .default(D.pool.boundedLoad)
    .describe('With affinity a server holds at most this multiple of the mean load.'),
  health: health.optional().describe('Active checks. Without them servers count as up.'),
  outlier: outlier.prefault({}).describe('Passive checks on live requests.'),
  load: z
    .strictObject({
      header: z
        .boolean()
        .default(D.pool.loadHeader)
        .describe(
          'Servers say of their load in their answers (endpoint-load-metrics): read it, and do not pass it on.',
        ),
      agentTokenFile: file
        .optional()
        .describe('A file that holds what agents (servers[].agent) want to be shown.'),
    })
    .optional()
    .describe('What servers and their machines say of their load.'),
  weights: z
    .enum(['configured', 'capacity'])
    .default(D.pool.weights)
    .describe(
      'capacity: servers whose limit is known get weights by it, up to a factor 4 from those configured. Needs forecast.enabled.',
    ),
  scaling: scalingSchema.optional().describe('How many servers there should be. Off without it.'),
})

const R = D.routeSession
const routeSession = z.strictObject({
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

const route = z.strictObject({
  host: z
    .string()
    .regex(HOST, 'must be a lower-case host, *.host, or empty for any, without a port')
    .default('')
    .describe('Host asked for, *.example.org for its subdomains, empty for any.'),
  path: urlPath.default('/').describe('Prefix, matched on segment borders.'),
  pool: name.describe('The pool that answers.'),
  sessionKey: z
    .enum(['required', 'optional', 'off'])
    .default('off')
    .describe(
      'Requests must be made under a session key, may be, or are not looked at. Needs sessions.enabled or sessions.server.',
    ),
  session: routeSession.prefault({}).describe('What such requests must be like.'),
})

const L = D.limits
const limits = z.strictObject({
  connectionsMax: count(1_000_000)
    .default(L.connectionsMax)
    .describe('Open client connections per worker.'),
  headBytes: count(2 ** 20)
    .default(L.headBytes)
    .describe('Request head; more is 431.'),
  headersMax: count(1000).default(L.headersMax).describe('Header fields; more is 431.'),
  urlBytes: count(2 ** 20)
    .default(L.urlBytes)
    .describe('Request target; more is 414.'),
  bodyBytes: count(2 ** 40)
    .default(L.bodyBytes)
    .describe('Request body; more is 413.'),
  requestBufferBytes: count(2 ** 26)
    .default(L.requestBufferBytes)
    .describe('Request body held back before an upstream connection is taken for it.'),
  responseBufferBytes: count(2 ** 26)
    .default(L.responseBufferBytes)
    .describe('Response held for a slow reader so that the upstream connection is free again.'),
  requestsPerConnection: count(2 ** 31)
    .default(L.requestsPerConnection)
    .describe('After so many the connection is closed; under HTTP/2 at the next quiet moment.'),
  h2StreamsMax: count(10_000).default(L.h2StreamsMax).describe('Concurrent HTTP/2 streams.'),
})

const T = D.timeouts
const timeouts = z.strictObject({
  helloMs: ms.default(T.helloMs).describe('From accept to the whole ClientHello.'),
  helloChunkMs: ms.default(T.helloChunkMs).describe('Between two chunks of the ClientHello.'),
  tlsMs: ms.default(T.tlsMs).describe('The TLS handshake.'),
  headMs: ms.default(T.headMs).describe("From a request's first byte to the end of its head."),
  bodyMs: ms.default(T.bodyMs).describe('Grace for a request body on top of the rate below.'),
  bodyBytesPerSecondMin: count(2 ** 30)
    .default(T.bodyBytesPerSecondMin)
    .describe('A request body slower than this, over its whole length, is 408.'),
  readMs: ms.default(T.readMs).describe('Grace for a client that reads slowly, as bodyMs.'),
  readBytesPerSecondMin: count(2 ** 30)
    .default(T.readBytesPerSecondMin)
    .describe('A client that reads slower than this over the whole response is dropped.'),
  idleMs: ms.default(T.idleMs).describe('Between two requests of a client connection.'),
  connectMs: ms.default(T.connectMs).describe('Connecting to an upstream server.'),
  firstByteMs: ms.default(T.firstByteMs).describe('From request to response head; then 504.'),
  upstreamIdleMs: ms.default(T.upstreamIdleMs).describe('Unused upstream connection kept.'),
  queueMs: ms.default(T.queueMs).describe('A request waits for a free upstream connection.'),
  tunnelIdleMs: ms.default(T.tunnelIdleMs).describe('Silence in a tunnel (WebSocket).'),
  drainMs: ms.default(T.drainMs).describe('A drain lets connections finish for so long.'),
})

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

const S = D.sessions
const seconds = (max: number) => z.int().min(1).max(max)
const groupRotation = z.strictObject({
  everyS: seconds(ROTATE_S_MAX).exactOptional().describe('As sessions.rotation.everyS.'),
  leastS: seconds(ROTATE_S_MAX).exactOptional().describe('As sessions.rotation.leastS.'),
  mostS: seconds(ROTATE_S_MAX).exactOptional().describe('As sessions.rotation.mostS.'),
})
const served = z.array(z.int().min(0).max(255)).min(1).max(GROUPS_MAX)
const sessions = z.strictObject({
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

const SHA256 = /^[0-9a-f]{64}$/
export const ROLES = ['viewer', 'analyst', 'operator', 'custodian'] as const
const tokenHolder = {
  name: name.describe('Who it is: written into the audit log.'),
  role: z
    .enum(ROLES)
    .describe('viewer: figures; analyst: decisions too; operator: changes too; custodian: audit.'),
}
const token = z.union([
  z.strictObject({
    ...tokenHolder,
    sha256: z
      .string()
      .regex(SHA256, 'must be 64 lower-case hex digits')
      .describe('SHA-256 of the token, hex.'),
  }),
  z.strictObject({
    ...tokenHolder,
    tokenFile: file.describe('A file that holds the token itself.'),
  }),
])

const admin = z.strictObject({
  address: address.default(D.admin.address).describe('Where the admin API and the console listen.'),
  certificate: z
    .strictObject({ certFile: file.describe('PEM chain.'), keyFile: file.describe('PEM key.') })
    .optional()
    .describe('Serve it by TLS: needed when the address is not loopback.'),
  hosts: z
    .array(z.string().regex(HOST).min(1))
    .default([])
    .describe('Further host names it may be called by (guards against DNS rebinding).'),
  openToLoopback: z
    .enum(['nobody', 'viewer', 'analyst'])
    .default(D.admin.openToLoopback)
    .describe('Role of a caller on this machine without a token. Changes always need one.'),
  tokens: z.array(token).default([]).describe('Who may call. Empty: data/admin-token is made.'),
})

/** The whole file. */
export const configSchema = z.strictObject({
  data: file.default(D.data).describe('Folder for state: decisions, local CA, keys, audit.'),
  workers: z
    .union([z.literal('auto'), count(256)])
    .default(D.workers)
    .describe('Edge workers; auto is one per core.'),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default(D.log.level).describe('The least.'),
      format: z
        .enum(['json', 'text'])
        .default(D.log.format)
        .describe('One JSON object per line, or text.'),
    })
    .prefault({})
    .describe('Logs, on standard error.'),
  listeners: z
    .array(listener)
    .min(1, 'needs at least one listener')
    .default([])
    .describe('Where clients come in.'),
  certificates: z
    .array(certificate)
    .default([])
    .describe('Chosen by the name the client asks for; the first is the default.'),
  pools: z
    .array(pool)
    .min(1, 'needs at least one pool')
    .default([])
    .describe('Groups of servers that answer alike.'),
  routes: z
    .array(route)
    .min(1, 'needs at least one route')
    .default([])
    .describe('First match wins.'),
  limits: limits.prefault({}).describe('How much is too much.'),
  timeouts: timeouts.prefault({}).describe('How long is too long, in milliseconds.'),
  admission: admissionSchema.prefault({}).describe('What is done with suspicious handshakes.'),
  sessions: sessions
    .prefault({})
    .describe('Session keys that clients prove to hold with each request (LSK/1).'),
  forecast: z
    .strictObject({
      enabled: z
        .boolean()
        .default(D.forecast.enabled)
        .describe('Forecast the requests per minute of each pool, an hour ahead.'),
      mode: z
        .enum(['observe', 'act'])
        .default(D.forecast.mode)
        .describe(
          'observe: forecasts are shown; act: where the capacity of a pool is known, keys of sessions rotate by its load to come too (sessions.rotation.byLoad), and pools[].scaling is acted on.',
        ),
      calendars: calendarsSchema
        .default([])
        .describe('Calendars of events that load is expected to follow.'),
    })
    .prefault({})
    .describe('Forecasts of load.'),
  decisions: z
    .strictObject({
      keepMax: count(10_000_000).default(D.decisions.keepMax).describe('The oldest fall out.'),
      onError: z
        .enum(['open', 'closed'])
        .default(D.decisions.onError)
        .describe(
          'Storage fails at start: open keeps decisions in memory, closed refuses to start.',
        ),
    })
    .prefault({})
    .describe('The record of decisions.'),
  admin: admin.prefault({}).describe('The admin API and the console.'),
  metrics: z
    .strictObject({
      address: address.default(D.metrics.address).describe('Where /metrics listens.'),
    })
    .prefault({})
    .describe('Prometheus metrics, and /livez and /readyz for probes.'),
})

/** The configuration, complete and frozen. Addresses are known to be readable. */
export type Config = Readonly<z.output<typeof configSchema>>
export type Role = (typeof ROLES)[number]

/** An address the schema has accepted. */
export function addressOf(text: string): Address {
  const found = readAddress(text)
  if (found === undefined) throw new TypeError(`Not an address: ${text}`)
  return found
}
