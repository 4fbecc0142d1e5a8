/**
 * The HTTP interface of the key service of video sources: enrolment for who has a code, all else for who has the token.
 *
 * @module
 */
import Fastify, { type FastifyInstance } from 'fastify'
import { z } from 'zod'
import { showsToken } from '../../adapters/node/bearer-token.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { isMediaParty } from '../../wire/media-key-message.ts'
import type { PartyKind } from '../../wire/media-topic.ts'

export interface EnrolRequest {
  readonly party: string
  readonly secret: string
  readonly publicKey: Uint8Array
  /** SubjectPublicKeyInfo, DER. */
  readonly tlsKey: Uint8Array
}

/** What the interface asks of the service; each may throw a LimenError, which is answered. */
export interface DeviceDesk {
  enrol(request: EnrolRequest): Promise<unknown>
  list(): unknown
  /** Undefined: there is none. */
  show(party: string): unknown
  invite(party: string, kind: PartyKind): unknown
  rekey(party: string, reason: 'hand' | 'anomaly'): unknown
  revoke(party: string): unknown
  /** How its stream was lately. */
  stream(party: string): unknown
  label(party: string, label: 'false-alarm' | 'intrusion'): unknown
}

export interface DeviceApiOptions {
  readonly desk: DeviceDesk
  readonly token: string
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

/** An enrolment has less than 400. */
const BODY_BYTES_MAX = 2048
const REQUEST_MS = 10_000
/** Of a connection that says nothing: operators are to get in. */
const HANDSHAKE_MS = 5_000
const CONNECTIONS_MAX = 256
/** Of a LimenError's code. */
const STATUS: Readonly<Record<string, number>> = {
  'not-found': 404,
  'devices.code': 403,
  'devices.key': 400,
  'devices.exists': 409,
  'devices.state': 409,
  'devices.full': 507,
  'devices.unwritten': 507,
  'audit-unwritable': 503,
}

const PARTY = z.string().refine(isMediaParty)
const ENROL = z.strictObject({
  party: PARTY,
  secret: z.string().regex(/^[\w-]{22}$/),
  publicKey: z.string().regex(/^[\w-]{43}$/),
  tlsKey: z.string().regex(/^[\w-]{100,200}$/),
})
const INVITE = z.strictObject({ party: PARTY, kind: z.enum(['device', 'transport']) })
const LABEL = z.strictObject({ label: z.enum(['false-alarm', 'intrusion']) })
const REKEY = z.strictObject({ reason: z.enum(['hand', 'anomaly']) })

export function deviceApi(options: DeviceApiOptions): FastifyInstance {
  const { desk, token, certificate, key } = options
  const api = Fastify({
    ...{ bodyLimit: BODY_BYTES_MAX, requestTimeout: REQUEST_MS, connectionTimeout: REQUEST_MS },
    https: { cert: certificate, key, minVersion: 'TLSv1.3', handshakeTimeout: HANDSHAKE_MS },
  })
  api.server.maxConnections = CONNECTIONS_MAX
  api.setErrorHandler((error, _request, reply) => {
    const { code, status, detail } = problemOf(error)
    return reply.code(status).send({ type: `urn:limen:err:${code}`, detail })
  })
  api.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ type: 'urn:limen:err:not-found', detail: 'There is no such thing' }),
  )
  api.post('/v1/enrol', ({ body }) => {
    const { publicKey, tlsKey, ...rest } = ENROL.parse(body)
    const octets = (text: string) => Buffer.from(text, 'base64url')
    return desk.enrol({ ...rest, publicKey: octets(publicKey), tlsKey: octets(tlsKey) })
  })
  void api.register(async (operators) => {
    operators.addHook('onRequest', async ({ headers }) => {
      if (showsToken(headers.authorization, token)) return
      throw new LimenError('unauthenticated', 'This needs the token of the key service', {
        ...{ side: 'client', retry: false },
      })
    })
    const named = (params: unknown): string => {
      const { party } = params as { party: string }
      if (desk.show(party) === undefined) throw notFound(party)
      return party
    }
    operators.get('/v1/devices', async () => desk.list())
    operators.get('/v1/devices/:party', async ({ params }) => desk.show(named(params)))
    operators.get('/v1/devices/:party/stream', async ({ params }) => desk.stream(named(params)))
    operators.post('/v1/devices', async ({ body }) => {
      const { party, kind } = INVITE.parse(body)
      return desk.invite(party, kind)
    })
    operators.post('/v1/devices/:party/rekey', async ({ params, body }) =>
      desk.rekey(named(params), REKEY.parse(body).reason),
    )
    operators.post('/v1/devices/:party/label', async ({ params, body }) =>
      desk.label(named(params), LABEL.parse(body).label),
    )
    operators.post('/v1/devices/:party/revoke', async ({ params }) => desk.revoke(named(params)))
  })
  return api
}

interface Problem {
  readonly code: string
  readonly status: number
  readonly detail: string
}

function problemOf(error: unknown): Problem {
  if (error instanceof LimenError) {
    const { code, message } = error
    return {
      code,
      status: code === 'unauthenticated' ? 401 : (STATUS[code] ?? 500),
      detail: message,
    }
  }
  const { statusCode = 500 } = error as { statusCode?: number }
  const isBad = error instanceof z.ZodError || (statusCode >= 400 && statusCode < 500)
  // The words of others may hold what was sent: a code.
  return isBad
    ? { code: 'bad-request', status: 400, detail: 'The request is not as it has to be' }
    : { code: 'failed', status: 500, detail: 'The key service could not do it' }
}

function notFound(party: string): LimenError {
  const text = isMediaParty(party) ? `There is no ${party}` : 'There is no such party'
  return new LimenError('not-found', text, { side: 'operator', retry: false })
}
