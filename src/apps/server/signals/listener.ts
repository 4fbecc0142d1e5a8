/**
 * Where others push security event tokens to (RFC 8935), and read our keys and metadata: a listener of its own, so that
 * who may tell us something need not reach the admin API. Of each transmitter the bearer token says who it is.
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { CertificatePair } from '../../../adapters/node/certificate-files.ts'
import { TOKEN_BYTES_MAX } from './event-token.ts'
import type { SignalDesk, TokenAnswer, Transmitter } from './signal-desk.ts'

export const EVENTS_PATH = '/v1/signals/events'
export const KEYS_PATH = '/v1/signals/keys'
/** SSF 1.0, section 7. */
export const METADATA_PATH = '/.well-known/ssf-configuration'

export interface Pusher {
  readonly transmitter: Transmitter
  /** SHA-256 of the bearer token. */
  readonly digest: Buffer
}

export interface SignalListenerOptions {
  readonly pushers: readonly Pusher[]
  readonly desk: Pick<SignalDesk, 'take' | 'count'>
  /** undefined while Limen tells nobody anything. */
  readonly published: { readonly metadata: object; readonly keys: object } | undefined
  readonly certificate: CertificatePair | undefined
}

const HEAD_MS = 5000
const REQUEST_MS = 10_000
/** Transmitters keep a connection or a few. */
const CONNECTIONS_MAX = 256
/** Tokens that are verified at a time; then others wait their turn outside. */
const TAKING_MAX = 64
const TYPE = 'application/secevent+jwt'
const TEXTS = {
  authentication_failed: 'the bearer token is not known',
  invalid_request: `send one token as ${TYPE}`,
} as const

/** Not listening yet. */
export function signalServer(options: SignalListenerOptions): Server {
  let taking = 0
  const push = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { desk, pushers } = options
    const transmitter = holderOf(request.headers.authorization, pushers)
    if (transmitter === undefined) {
      desk.count('authentication_failed')
      response.setHeader('www-authenticate', 'Bearer realm="limen"')
      return refuse(response, 401, 'authentication_failed', TEXTS.authentication_failed)
    }
    const [type = ''] = (request.headers['content-type'] ?? '').split(';')
    const text = type.trim().toLowerCase() === TYPE ? await bodyOf(request) : undefined
    if (text === undefined) {
      desk.count('invalid_request')
      return refuse(response, 400, 'invalid_request', TEXTS.invalid_request)
    }
    if (taking >= TAKING_MAX) return retryLater(response)
    taking++
    try {
      answer(response, await desk.take(transmitter, text))
    } finally {
      taking--
    }
  }
  const read = (response: ServerResponse, document: object | undefined): void => {
    if (document === undefined) end(response, 404)
    else endJson(response, 200, document)
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader('cache-control', 'no-store')
    const { method, url } = request
    if (url === EVENTS_PATH && method === 'POST') {
      push(request, response).catch(() => response.destroy())
      return
    }
    // What comes with it is not read.
    response.setHeader('connection', 'close')
    if (url === METADATA_PATH && method === 'GET') read(response, options.published?.metadata)
    else if (url === KEYS_PATH && method === 'GET') read(response, options.published?.keys)
    else if ([EVENTS_PATH, METADATA_PATH, KEYS_PATH].includes(url ?? '')) end(response, 405)
    else end(response, 404)
  }
  const timeouts = { headersTimeout: HEAD_MS, requestTimeout: REQUEST_MS }
  const { certificate } = options
  const server =
    certificate === undefined
      ? createServer(timeouts, listener)
      : createTlsServer(
          {
            ...{ ...timeouts, cert: certificate.certPem, key: certificate.keyPem },
            minVersion: 'TLSv1.2',
          },
          listener,
        )
  server.maxConnections = CONNECTIONS_MAX
  return server
}

/** Compares with every digest, so that time does not tell which was near. */
function holderOf(
  authorization: string | undefined,
  pushers: readonly Pusher[],
): Transmitter | undefined {
  const token = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1] ?? ''
  const digest = createHash('sha256').update(token).digest()
  let found: Transmitter | undefined
  for (const pusher of pushers) {
    if (timingSafeEqual(pusher.digest, digest)) found ??= pusher.transmitter
  }
  return found
}

/** undefined when it is too long or breaks off. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of request) {
      length += (piece as Buffer).length
      if (length > TOKEN_BYTES_MAX) return undefined
      pieces.push(piece as Buffer)
    }
  } catch {
    return undefined
  }
  return Buffer.concat(pieces).toString('latin1').trim()
}

function answer(response: ServerResponse, outcome: TokenAnswer): void {
  if (outcome.kind === 'taken') end(response, 202)
  else if (outcome.kind === 'unavailable') retryLater(response)
  else refuse(response, 400, outcome.error, outcome.why)
}

/** RFC 8935, section 2.3. */
function refuse(response: ServerResponse, status: number, err: string, description: string): void {
  response.setHeader('content-language', 'en')
  endJson(response, status, { err, description })
}

function retryLater(response: ServerResponse): void {
  response.setHeader('retry-after', '5')
  end(response, 503)
}

function endJson(response: ServerResponse, status: number, document: object): void {
  response.setHeader('content-type', 'application/json')
  response.writeHead(status).end(JSON.stringify(document))
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': '0' }).end()
}
