/**
 * `pools`: groups of servers that answer alike.
 *
 * @module
 */
import { z } from 'zod'
import { CHOICE_POLICIES } from '../../../routing/balancer.ts'
import { CONFIG_DEFAULTS as D } from './defaults.ts'
import { scalingSchema } from './scaling-schema.ts'
import { address, count, file, ms, name, urlPath } from './words.ts'

/** `__Host-` makes the browser refuse the cookie from any other host or an insecure page (RFC 6265bis, 4.1.3.2). */
const COOKIE = /^__Host-[A-Za-z0-9_-]{1,48}$/
const AGENT = /^http:\/\/(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253}):\d{1,5}\/[!-~]{0,255}$/i

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

export const poolSchema = z.strictObject({
  name: name.describe('What routes call this pool.'),
  servers: z.array(server).min(1, 'needs at least one server').describe('Who answers.'),
  choose: z
    .enum(CHOICE_POLICIES)
    .default(D.pool.choose)
    .describe(
      'How a server is chosen. latency: of three, the one expected to answer soonest; p2c: of two, the less loaded; prequal: of three, the fastest that is not hot; consistent-hash: by the affinity cookie; fit: by what suits the client.',
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
