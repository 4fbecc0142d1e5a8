/**
 * The admin API's answers as schemas, for OpenAPI and for what leaves the house: a field not named here stays in.
 * The shapes are those of the ports; the compiler holds both together.
 *
 * @module
 */
import { z } from 'zod'
import { DETECTORS, type Decision } from '../../../behavior/decision.ts'
import type { Profile } from '../../../behavior/handshake/profile.ts'
import type { Signature } from '../../../behavior/handshake/signature.ts'
import type {
  ConnectionView,
  TrafficTotals,
  UpstreamView,
  WorkerView,
} from '../../../ports/data-plane.ts'
import type { HandshakePoolView } from '../handshake-pools.ts'
import type { TrafficSample } from '../traffic-history.ts'

/** What a profile shows: not what the detectors keep in it. */
type ProfileView = Pick<
  Profile,
  | 'id'
  | 'client'
  | 'ja4Stable'
  | 'addressGroup'
  | 'firstSeen'
  | 'lastSeen'
  | 'connections'
  | 'score'
> &
  Pick<Profile, 'tier' | 'reasons' | 'label' | 'labelledBy' | 'history'> & {
    readonly form: string
    readonly ja4s: readonly string[]
    readonly counts: Omit<Profile['counts'], 'at'>
  }

const at = z.int().describe('Milliseconds since the Unix epoch.')
const count = z.number()
const list = <T extends z.ZodType>(item: T) => z.array(item).readonly()
const tier = z.union([z.literal(1), z.literal(2), z.literal(3)])

const detectorMode = z.enum(['observe', 'shadow', 'enforce'])
const reason = z.object({
  code: z.string(),
  text: z.string(),
  weight: z.number(),
  detector: z.enum(DETECTORS).exactOptional(),
})

const handshake = z.object({
  ja4: z.string(),
  ja4Stable: z.string().describe('JA4 without what changes on resumption.'),
  sni: z.string(),
  alpn: list(z.string()),
  resumption: z.boolean(),
  chunks: count,
  arrivalMs: count,
  client: z.string().describe('Best guess at the software.'),
})

/** ULID, Crockford base 32. */
export const decisionId = z
  .string()
  .regex(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the id of a decision')

export const decisionView = z.object({
  id: z.string(),
  subject: z.string(),
  tier,
  score: z.number().describe('-log10 of the probability that an honest client looks like this.'),
  reasons: list(reason),
  model: z.string(),
  mode: detectorMode,
  at,
  listener: z.string(),
  enforced: tier.describe('The tier by what is in force: what counts.'),
  pool: z.enum(['primary', 'rigorous']).describe('Which handshake servers took it.'),
  member: z.string().describe('Which of them.'),
  handshake: handshake.exactOptional(),
  profile: z.string().exactOptional().describe('Who it is: see /v1/profiles.'),
  person: z
    .string()
    .exactOptional()
    .describe('Of a session, by behavior: the id of its person, empty while nobody has said.'),
  served: z
    .object({ pool: z.string(), server: z.string(), reasons: list(z.string()) })
    .exactOptional()
    .describe('Which server took its first request, where the pool chooses by fit.'),
}) satisfies z.ZodType<Decision>

export const explainedView = decisionView.extend({ explanation: list(z.string()) })

export const workerView = z.object({
  id: z.int(),
  pid: z.int(),
  state: z.enum(['starting', 'serving', 'draining', 'dead']),
  startedAt: at,
  restarts: count,
  connections: count,
  rssBytes: count,
}) satisfies z.ZodType<WorkerView>

export const connectionView = z.object({
  id: z.string(),
  worker: z.int(),
  listener: z.string(),
  remote: z.string(),
  protocol: z.enum(['tls', 'http/1.1', 'h2', 'tunnel']),
  tlsVersion: z.string(),
  resumed: z.boolean(),
  openedAt: at,
  requests: count,
  bytesIn: count,
  bytesOut: count,
  decisionId: z.string(),
  tier,
  score: z.number(),
  reasons: list(z.string()),
  handshake: handshake.exactOptional(),
}) satisfies z.ZodType<ConnectionView>

/** A server that runs as a process here. */
export const processView = z.object({
  phase: z
    .enum(['starting', 'ready', 'draining', 'stopping', 'waiting'])
    .describe('waiting: it died, and is started again after a pause.'),
  since: at.describe('Of the phase.'),
  pid: z.int().describe('0 while there is none.'),
  restarts: count,
})

const metrics = list(z.object({ name: z.string(), value: count }))
const share = z.number()

export const upstreamView = z.object({
  pool: z.string(),
  id: z.string(),
  address: z.string(),
  state: z.enum(['up', 'down', 'ejected', 'draining']),
  weight: count,
  inFlight: count,
  connections: count,
  requests: count,
  failures: count,
  latencyMs: count,
  check: z.string().describe('What the last health check said.'),
  load: z
    .object({
      at,
      cpu: share.exactOptional(),
      application: share.exactOptional(),
      memory: share.exactOptional(),
      requestsPerSecond: count.exactOptional(),
      errorsPerSecond: count.exactOptional(),
      utilization: metrics,
      named: metrics,
    })
    .exactOptional()
    .describe('What it said of its load in an answer last, where pools[].load.header is on.'),
  machine: z
    .object({
      at,
      cpu: share,
      memory: share,
      loadAverage: count,
      receivedBytesPerSecond: count,
      sentBytesPerSecond: count,
    })
    .exactOptional()
    .describe('What the agent on its machine said; missing when it did not lately.'),
  capacity: z
    .object({
      factor: z.number().describe('What its weight is multiplied by, 1/4 to 4.'),
      reason: z.string(),
    })
    .exactOptional()
    .describe('Where its weight goes by what it was seen to carry (pools[].weights).'),
  process: processView.exactOptional().describe('Of a server that runs as a process here.'),
}) satisfies z.ZodType<Omit<UpstreamView, 'latencyCounts'>>

/** Without the members of the handshake pools, which are shown with their pools. */
export const trafficView = z.object({
  at,
  connectionsOpen: count,
  connectionsTotal: count,
  handshakesFull: count,
  handshakesResumed: count,
  handshakesFailed: count,
  bytesIn: count,
  bytesOut: count,
  retries: count,
  responses: list(count).describe('By status class: index 1 is 1xx, 5 is 5xx.'),
  refusals: z.record(z.string(), count).readonly(),
  sessionChecks: z.record(z.string(), count).readonly().describe('By what they came to.'),
  cacheRequests: z
    .record(z.string(), count)
    .readonly()
    .describe('Of routes with a cache: hit, collapsed (after waiting for another), miss, bypass.'),
  sessionHandoffs: z.record(z.string(), count).readonly().describe('By reason/result.'),
  firstRequests: z
    .record(z.string(), z.object({ found: count, missed: count, late: count, usedUntil: count }))
    .readonly()
    .describe('First requests of sessions by key group: the key was there, was not, came later.'),
  tiers: list(count).describe('By tier: index 1 to 3.'),
  decisionsDropped: count,
  observationsDropped: count,
  latencyCounts: list(count).describe('Histogram of the time to the response head.'),
  latencySumMs: count,
}) satisfies z.ZodType<Omit<TrafficTotals, 'handshakeMembers' | 'listeners'>>

export const sampleView = z.object({
  at,
  requestsPerSecond: count,
  responses: list(count).describe('Per second, by status class: index 1 is 1xx, 5 is 5xx.'),
  p50: count,
  p90: count,
  p99: count,
  connectionsOpen: count,
  connectionsPerSecond: count,
  handshakesPerSecond: count,
  handshakes: z.object({ full: count, resumed: count, failed: count }),
  tiers: list(count),
  refusals: count,
  sessionChecks: z.object({ passed: count, refused: count }),
  sessionKeys: z.record(z.string(), count).readonly().describe('Agreed on, by why.'),
  bytesInPerSecond: count,
  bytesOutPerSecond: count,
}) satisfies z.ZodType<TrafficSample>

const complaint = z.object({
  source: z.string(),
  line: z.int().exactOptional(),
  column: z.int().exactOptional(),
  path: z.string(),
  text: z.string(),
})

export const reloadView = z.union([
  z.object({ kind: z.literal('applied'), at, waiting: list(z.string()) }),
  z.object({ kind: z.literal('refused'), at, complaints: list(complaint) }),
])

export const statusView = z.object({
  version: z.string(),
  startedAt: at,
  state: z.enum(['starting', 'serving', 'draining']),
  mode: detectorMode.describe('Of admission.'),
  config: z.string().describe('Where the configuration comes from.'),
  lastReload: reloadView,
  decisionsKeptIn: z.enum(['storage', 'memory']),
  decisionsDropped: count,
  profilesKeptIn: z.enum(['storage', 'memory']),
  devices: z.boolean().describe('A key service of video sources is asked.'),
  certificates: list(z.object({ names: list(z.string()), notAfter: at })),
  listeners: list(z.object({ name: z.string(), url: z.string() })),
})

const profileScore = z.object({ at, score: z.number(), tier })

export const profileView = z.object({
  id: z.string(),
  client: z.string().describe('Best guess at the software.'),
  ja4Stable: z.string(),
  ja4s: list(z.string()).describe('Fingerprints it had.'),
  addressGroup: z.string().describe('Network it was last seen in.'),
  form: z.string().describe('What was wrong with its hellos.'),
  firstSeen: at,
  lastSeen: at,
  connections: count,
  score: z.number().describe('-log10 p, calibrated.'),
  tier,
  reasons: list(reason),
  label: z.enum(['', 'good', 'bad']),
  labelledBy: z.string(),
  counts: z
    .object({
      hellos: count,
      resumptionsOffered: count,
      paused: count,
      full: count,
      resumed: count,
      incomplete: count,
      helloRetries: count,
      checksPassed: count,
      checksFailed: count,
    })
    .describe('Fading: by half in a day.'),
  history: list(profileScore).describe('Scores, the oldest first.'),
}) satisfies z.ZodType<ProfileView>

export const profilePageView = z.object({
  profiles: list(profileView),
  next: z.string().exactOptional().describe('What to ask for `after`; absent at the end.'),
})

const match = z.object({
  ja4Stable: z.string().exactOptional(),
  ja4: z.string().exactOptional(),
  addressGroup: z.string().exactOptional(),
})

export const signatureView = z.object({
  id: z.string(),
  match: match.describe('All that is given must match.'),
  since: at,
  until: at,
  by: z.string().describe('Who confirmed it.'),
  why: z.string(),
  hits: count,
}) satisfies z.ZodType<Signature>

/** What a person's word about a profile led to. */
export const feedbackView = z.object({
  profile: profileView,
  signature: signatureView.exactOptional(),
})

export const handshakePoolView = z.object({
  pool: z.enum(['primary', 'rigorous']),
  choose: z.enum(['random', 'region']),
  region: z.string(),
  members: list(
    z.object({
      id: z.string(),
      address: z.string().describe('Empty for this process.'),
      region: z.string(),
      connections: count,
      full: count,
      resumed: count,
      failed: count,
      checksPassed: count,
      checksFailed: count,
      handshakeMs: count,
    }),
  ),
}) satisfies z.ZodType<HandshakePoolView>

export const auditView = z.object({
  entries: list(
    z.object({
      at,
      who: z.string(),
      action: z.string(),
      subject: z.string(),
      detail: z.record(z.string(), z.unknown()).readonly(),
      previous: z.string(),
    }),
  ),
  intact: z.boolean().describe('False when a line was changed or taken out.'),
})

export type StatusView = z.output<typeof statusView>
