/**
 * Requests of Limen's own to servers behind it, signed (RFC 9421) by the key whose public half is in the key server's
 * JWKS, with a digest of what they carry (RFC 9530).
 *
 * @module
 */
import { createHash, type KeyObject, sign } from 'node:crypto'
import http from 'node:http'
import { connectAsLimen } from '../../adapters/edge/health-check.ts'
import type { ServerSettings } from '../../ports/data-plane.ts'
import { STATE_BYTES_MAX, signedBase, signedParameters } from '../../wire/handoff-notice.ts'

export interface OwnRequest {
  readonly method: string
  readonly path: string
  readonly contentType: string
  readonly body: Buffer
}

export interface SignedAnswer {
  readonly status: number
  /** What it handed over; undefined when it did not, or too much. */
  readonly state: Buffer | undefined
}

const HTTP_PORT = 80
/** To one server at once; others wait, and their time goes by. */
const SOCKETS_MAX = 8

export class SignedRequests {
  /** undefined: nothing can be sent. */
  key: { readonly kid: string; readonly key: KeyObject } | undefined
  readonly #now: () => number
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })

  /** @param now seconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  /** undefined when there is no answer in time, or nothing to sign with. Never rejects. */
  send(
    server: ServerSettings,
    request: OwnRequest,
    timeoutMs: number,
  ): Promise<SignedAnswer | undefined> {
    const headers = this.#headers(server, request)
    if (headers === undefined) return Promise.resolve(undefined)
    const { host, port, proxyProtocol } = server
    const { method, path } = request
    return new Promise((resolve) => {
      const sent = http.request({
        ...{ host, port, method, path, headers },
        ...(proxyProtocol === 'off'
          ? { agent: this.#agent }
          : { createConnection: () => connectAsLimen(server) }),
      })
      const late = setTimeout(() => sent.destroy(new Error('no answer in time')), timeoutMs)
      const answer = (answered: SignedAnswer | undefined): void => {
        clearTimeout(late)
        resolve(answered)
      }
      sent.on('response', (response) => readAnswer(response, answer))
      // After the answer too: it was not whole in time.
      sent.on('error', () => answer(undefined))
      sent.end(request.body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  #headers({ host, port }: ServerSettings, request: OwnRequest) {
    if (this.key === undefined) return undefined
    const { method, path, contentType, body } = request
    const name = host.includes(':') ? `[${host}]` : host.toLowerCase()
    const authority = port === HTTP_PORT ? name : `${name}:${port}`
    const contentDigest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
    const by = { created: Math.floor(this.#now()), keyId: this.key.kid }
    const parameters = signedParameters(by)
    const base = signedBase({ method, authority, path, contentType, contentDigest }, parameters)
    const signature = sign(null, Buffer.from(base), this.key.key).toString('base64')
    return {
      ...{ host: authority, 'user-agent': 'limen-handoff', 'content-type': contentType },
      ...{ 'content-length': String(body.length), 'content-digest': contentDigest },
      ...{ 'signature-input': `lim=${parameters}`, signature: `lim=:${signature}:` },
    }
  }
}

function readAnswer(
  response: http.IncomingMessage,
  answer: (answered: SignedAnswer) => void,
): void {
  const status = response.statusCode ?? 0
  const type = response.headers['content-type']
  const isState = status === 200 && type === 'application/octet-stream'
  const pieces: Buffer[] = []
  let bytes = 0
  response.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (bytes <= STATE_BYTES_MAX) pieces.push(piece)
    // Nobody waits for the rest of it.
    else response.destroy()
  })
  response.on('error', () => {})
  response.on('close', () => {
    const isWhole = response.complete && bytes <= STATE_BYTES_MAX
    answer({ status, state: isState && isWhole ? Buffer.concat(pieces) : undefined })
  })
}
