/**
 * `limen.yaml`, closed: every key that may be written, its shape, its default and one sentence of documentation.
 * What must hold *between* keys is in `cross-checks.ts`; finding the line to blame is in `read-config.ts`.
 *
 * @module
 */
import { z } from 'zod'
import { type Address, readAddress } from './address.ts'
import { adminSchema } from './admin-schema.ts'
import { admissionSchema } from './admission-schema.ts'
import { behaviorSchema, tierPoolsSchema } from './behavior-schema.ts'
import { cacheSchema } from './cache-schema.ts'
import { calendarsSchema } from './calendar-schema.ts'
import { custodySchema } from './custody-schema.ts'
import { CONFIG_DEFAULTS as D } from './defaults.ts'
import { devicesSchema } from './devices-schema.ts'
import { poolSchema } from './pool-schema.ts'
import { routeSessionSchema, sessionsSchema } from './session-schema.ts'
import { signalsSchema } from './signals-schema.ts'
import { address, count, file, HOST, ms, name, urlPath } from './words.ts'

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

const route = z.strictObject({
  host: z
    .string()
    .regex(HOST, 'must be a lower-case host, *.host, or empty for any, without a port')
    .default('')
    .describe('Host asked for, *.example.org for its subdomains, empty for any.'),
  path: urlPath.default('/').describe('Prefix, matched on segment borders.'),
  pool: name.describe('The pool that answers.'),
  pools: tierPoolsSchema
    .exactOptional()
    .describe('Other pools for sessions whose behavior is suspicious. Needs behavior.mode.'),
  sessionKey: z
    .enum(['required', 'optional', 'off'])
    .default('off')
    .describe(
      'Requests must be made under a session key, may be, or are not looked at. Needs sessions.enabled or sessions.server.',
    ),
  session: routeSessionSchema.prefault({}).describe('What such requests must be like.'),
  cache: cacheSchema
    .exactOptional()
    .describe(
      'Workers keep for seconds what servers say is for everybody. Needs sessionKey off. Without it nothing is kept.',
    ),
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
    .array(poolSchema)
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
  sessions: sessionsSchema
    .prefault({})
    .describe('Session keys that clients prove to hold with each request (LSK/1).'),
  behavior: behaviorSchema
    .prefault({})
    .describe('Who is at the keyboard, by how they type and point.'),
  signals: signalsSchema
    .prefault({})
    .describe('Shared security signals with other parties (SSF, CAEP).'),
  devices: devicesSchema.optional().describe('Video sources, by way of their key service.'),
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
          'observe: forecasts are shown; act: where the capacity of a pool is known, keys of sessions rotate by its load to come too (sessions.rotation.byLoad), pools[].scaling is acted on, and a key server places keys at its edges ahead of sessions.',
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
  custody: custodySchema
    .prefault({})
    .describe('Keys in shares: what seals the data folder comes from there.'),
  admin: adminSchema.prefault({}).describe('The admin API and the console.'),
  metrics: z
    .strictObject({
      address: address.default(D.metrics.address).describe('Where /metrics listens.'),
    })
    .prefault({})
    .describe('Prometheus metrics, and /livez and /readyz for probes.'),
})

/** The configuration, complete and frozen. Addresses are known to be readable. */
export type Config = Readonly<z.output<typeof configSchema>>

/** An address the schema has accepted. */
export function addressOf(text: string): Address {
  const found = readAddress(text)
  if (found === undefined) throw new TypeError(`Not an address: ${text}`)
  return found
}
