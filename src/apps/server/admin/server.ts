/**
 * The admin API and the console on one address: fastify with its guards, then the routes.
 * Nothing is decided here; every route states the right it needs in its `config`.
 *
 * @module
 */
import {
  createServer,
  type IncomingMessage,
  maxHeaderSize,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyHttpOptions,
  type FastifyInstance,
} from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { CertificatePair } from '../../../adapters/node/certificate-files.ts'
import { VERSION } from '../version.ts'
import { assertMay, type Caller, callerOf, type Right } from './access.ts'
import { refuseConnection } from './bad-connection.ts'
import { serveConsole } from './console.ts'
import type { AdminContext } from './context.ts'
import { type EventStreams, eventStreams } from './event-stream.ts'
import { guard } from './guard.ts'
import { Problem, problemOf, sendProblem } from './problem.ts'
import { withProblems } from './problem-responses.ts'
import { anomalyRoutes } from './routes-anomalies.ts'
import { captureRoutes } from './routes-captures.ts'
import { changeRoutes } from './routes-change.ts'
import { custodyRoutes } from './routes-custody.ts'
import { decisionRoutes } from './routes-decisions.ts'
import { deviceRoutes } from './routes-devices.ts'
import { forecastRoutes } from './routes-forecasts.ts'
import { healthRoutes } from './routes-health.ts'
import { keyRoutes } from './routes-keys.ts'
import { labelRoutes } from './routes-labels.ts'
import { peopleRoutes } from './routes-people.ts'
import { profileRoutes } from './routes-profiles.ts'
import { scalingRoutes } from './routes-scaling.ts'
import { sessionRoutes } from './routes-session.ts'
import { signalRoutes } from './routes-signals.ts'
import { timelineRoutes } from './routes-timelines.ts'
import { trafficRoutes } from './routes-traffic.ts'
import { openSessions, type Sessions, sessionPathOf } from './sessions.ts'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
  interface FastifyContextConfig {
    /** What the caller must be allowed. Without it nobody gets in. */
    readonly right?: Right
  }
}

export type AdminApp = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** What routes share besides the context. */
export interface AdminRoom extends AdminContext {
  readonly streams: EventStreams
  readonly sessions: Sessions
  /** Counts a failed attempt to log in; throws when there were too many. */
  countFailure(
    request: Parameters<ReturnType<FastifyInstance['createRateLimit']>>[0],
  ): Promise<void>
}

/**
 * Per minute and address. A console page in sight asks up to 57 times a minute (connections 30, status 12 and 3, a
 * decision that is open 12), one out of sight not at all: room for ten people behind one address.
 */
const REQUESTS_MAX = 600
const FAILURES_MAX = 30
/** From the first byte of a request to its last. */
const REQUEST_MS_MAX = 10_000
/** The largest body is a token. */
const BODY_BYTES_MAX = 16 * 1024

/** Nothing is there. */
const NO_PATH = '/no-path'

/** Our own scripts, styles and data, nothing inline, nobody may frame us. */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
}

/** Ready to `inject()` or `listen()`. Closing it ends the event streams. */
export async function adminServer(context: AdminContext): Promise<AdminApp> {
  const { adminCertificate } = context.live.now().material
  const app: AdminApp = Fastify({
    serverFactory: serverFor(adminCertificate),
    bodyLimit: BODY_BYTES_MAX,
    // Streams are ended by us, ordinary answers get to finish.
    forceCloseConnections: 'idle',
    // The router answers a path it cannot take by itself, before any guard: it is given none. Routes refuse what is too long.
    routerOptions: { maxParamLength: maxHeaderSize },
    // What is asked in a session is the same route as without.
    rewriteUrl: ({ url = '/' }) =>
      isDecodable(url) ? url.slice(sessionPathOf(url).length) : NO_PATH,
    clientErrorHandler: refuseConnection,
    logger: false,
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler((error, request, reply) => {
    if (problemOf(error).code === 'internal') {
      // Paths name users.
      context.log.error({ err: error, route: request.routeOptions.url }, 'Admin request failed')
    }
    return sendProblem(error, request, reply)
  })

  const streams = eventStreams()
  const sessions = openSessions(context.clock, context.random)
  await protect(app, context, adminCertificate !== undefined)
  const countFailures = app.createRateLimit({ max: FAILURES_MAX, timeWindow: '1 minute' })
  const room: AdminRoom = {
    ...context,
    streams,
    sessions,
    async countFailure(request) {
      const count = await countFailures(request)
      if (!count.isAllowed && count.isExceeded) {
        throw new Problem('too-many-requests', 'Too many failed logins: wait a minute')
      }
    },
  }
  authorize(app, room)
  await describe(app)
  const routes = [healthRoutes, sessionRoutes, trafficRoutes, decisionRoutes, profileRoutes]
  const more = [forecastRoutes, anomalyRoutes, scalingRoutes, keyRoutes, changeRoutes, peopleRoutes]
  const last = [
    labelRoutes,
    signalRoutes,
    captureRoutes,
    timelineRoutes,
    custodyRoutes,
    deviceRoutes,
  ]
  for (const add of [...routes, ...more, ...last]) add(app, room)
  await serveConsole(app)
  app.addHook('preClose', async () => streams.endAll())
  await app.ready()
  return app
}

const pathOf = (url: string): string => url.split('?')[0] ?? ''

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(pathOf(url))
    return true
  } catch {
    return false
  }
}

function serverFor(
  certificate: CertificatePair | undefined,
): NonNullable<FastifyHttpOptions<Server>['serverFactory']> {
  const timeouts = { requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX }
  if (certificate === undefined) return (handler) => createServer(timeouts, handler)
  const { certPem: cert, keyPem: key } = certificate
  return (handler) => createTlsServer({ ...timeouts, cert, key, minVersion: 'TLSv1.2' }, handler)
}

async function protect(app: AdminApp, { live }: AdminContext, tls: boolean): Promise<void> {
  app.addHook('onRequest', async (request) => guard(request, live.now().config.admin))
  await app.register(helmet, {
    contentSecurityPolicy: CONTENT_SECURITY_POLICY,
    strictTransportSecurity: tls,
    referrerPolicy: { policy: 'no-referrer' },
  })
  await app.register(rateLimit, {
    max: REQUESTS_MAX,
    timeWindow: '1 minute',
    // Whoever asks the API too often can still load the console's own files.
    keyGenerator: ({ ip, routeOptions }) =>
      routeOptions.config.right === undefined ? `files ${ip}` : ip,
    errorResponseBuilder: (_request, { after }) =>
      new Problem('too-many-requests', `Try again in ${after}`),
  })
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) => {
    const { method, originalUrl } = request
    const problem = isDecodable(originalUrl)
      ? new Problem('not-found', 'No such path or method')
      : new Problem('bad-request', 'The path is no UTF-8 in percent-encoding', {
          instance: `${method} ${pathOf(originalUrl)}`,
        })
    return sendProblem(problem, request, reply)
  })
}

/** After the rate limit, which counts refused callers too, and before the body is read. */
function authorize(app: AdminApp, room: AdminRoom): void {
  app.decorateRequest('caller')
  app.addHook('preParsing', async (request) => {
    const { right } = request.routeOptions.config
    if (request.is404 || right === undefined) return
    try {
      request.caller = callerOf(request, {
        sessions: room.sessions,
        tokens: () => room.live.now().material.tokens,
        openToLoopback: () => room.live.now().config.admin.openToLoopback,
      })
      assertMay(request.caller, right)
    } catch (error) {
      if (request.headers.authorization !== undefined) await room.countFailure(request)
      throw error
    }
  })
  app.addHook('onRoute', (route) => {
    const path = /^\/(?:v1|profiles|anomalydetection|health|livez|readyz|openapi)/.test(route.url)
    if (path && route.config?.right === undefined) {
      throw new TypeError(`${route.url} does not say what right it needs`)
    }
  })
}

async function describe(app: AdminApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Limen admin API', version: VERSION },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (given) =>
      'openapiObject' in given ? withProblems(given.openapiObject) : given.swaggerObject,
  })
}
