/**
 * Others who share security signals with a Limen under test, as servers on the loopback: a transmitter with keys and a queue to
 * be polled (RFC 8936), and a receiver that tokens are pushed to (RFC 8935).
 *
 * @module
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, type JWTPayload, jwtVerify, SignJWT } from 'jose'

export const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
export const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'

export interface SignalTransmitter {
  readonly issuer: string
  readonly jwksUrl: string
  readonly pollUrl: string
  /** Of its key, for files. */
  readonly jwks: { readonly keys: readonly object[] }
  token(claims: Readonly<Record<string, unknown>>, by?: Signing): Promise<string>
  /** By `jti`, until they are acknowledged or refused. */
  readonly queue: Map<string, string>
  /** What was said of tokens: `ack one`, `invalid_key two`. */
  readonly said: string[]
  close(): Promise<void>
}

export interface Signing {
  readonly key?: KeyObject
  readonly typ?: string
}

export interface SignalReceiver {
  readonly url: string
  /** Claims of tokens, verified with the keys that their issuer publishes. */
  readonly told: readonly JWTPayload[]
  /** The bearer token of each request. */
  readonly shown: readonly string[]
  /** What it answers from now on. */
  status: number
  /** Nobody is there. */
  stop(): Promise<void>
  /** On the same port. */
  start(): Promise<void>
}

/** @param audience of its tokens @param pollToken that it wants to be shown */
export async function startTransmitter(
  audience: string,
  pollToken: string,
): Promise<SignalTransmitter> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 't', alg: 'ES256' }] }
  const queue = new Map<string, string>()
  const said: string[] = []
  const server = createServer((request, response) => {
    const answer = async (): Promise<object | number> => {
      if (request.url === '/jwks') return jwks
      if (request.headers.authorization !== `Bearer ${pollToken}`) return 401
      const asked = JSON.parse(await textOf(request)) as Partial<Asked>
      for (const id of asked.ack ?? []) {
        said.push(`ack ${id}`)
        queue.delete(id)
      }
      for (const [id, { err }] of Object.entries(asked.setErrs ?? {})) {
        said.push(`${err} ${id}`)
        queue.delete(id)
      }
      return { sets: Object.fromEntries(queue), moreAvailable: false }
    }
    answer().then(
      (body) => {
        if (typeof body === 'number') response.writeHead(body).end()
        else response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
      },
      () => response.destroy(),
    )
  })
  const origin = `http://127.0.0.1:${await listen(server)}`
  const issuer = 'https://idp.test'
  return {
    ...{ issuer, jwks, queue, said, jwksUrl: `${origin}/jwks`, pollUrl: `${origin}/poll` },
    token: (claims, { key = privateKey, typ = 'secevent+jwt' } = {}) =>
      new SignJWT({ iss: issuer, aud: audience, iat: Math.floor(Date.now() / 1000), ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 't', typ })
        .sign(key),
    close: () => end(server),
  }
}

interface Asked {
  readonly ack: readonly string[]
  readonly setErrs: Readonly<Record<string, { readonly err: string }>>
}

/** @param keysUrl where who tells it publishes keys */
export async function startReceiver(audience: string, keysUrl: string): Promise<SignalReceiver> {
  const told: JWTPayload[] = []
  const shown: string[] = []
  const keys = createRemoteJWKSet(new URL(keysUrl), { cooldownDuration: 0 })
  const take = async (request: IncomingMessage): Promise<number> => {
    shown.push(request.headers.authorization ?? '')
    if (receiver.status !== 202) return receiver.status
    const text = await textOf(request)
    const { payload } = await jwtVerify(text, keys, { audience, typ: 'secevent+jwt' })
    told.push(payload)
    return 202
  }
  const open = (): Server =>
    createServer((request, response) => {
      take(request).then(
        (status) => response.writeHead(status).end(),
        (error: unknown) => response.writeHead(400).end(JSON.stringify({ err: String(error) })),
      )
    })
  let server = open()
  const port = await listen(server)
  const receiver: SignalReceiver = {
    ...{ url: `http://127.0.0.1:${port}/events`, told, shown, status: 202 },
    stop: () => end(server),
    async start() {
      server = open()
      await listen(server, port)
    },
  }
  return receiver
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += piece
  return text
}

async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function end(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close().closeAllConnections()
  await closed
}
