/**
 * Kept connections to one custody node: TLS 1.3 with certificates on both sides, one message there and one back (`wire/custody-message.ts`).
 * Octets only.
 *
 * @module
 */
import { buildConnector, Pool } from 'undici'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets } from '../../ground/octets.ts'
import { CUSTODY_MESSAGE_BYTES_MAX, CUSTODY_PATH } from '../../wire/custody-message.ts'

/** All of it but the host is looked at for each new connection, so it may change. */
export interface NodeLinkOptions {
  readonly host: string
  readonly port: number
  /** The only name that its certificate may have: `limen://CLUSTER/node/ID`. */
  readonly name: string
  /** PEM. */
  readonly certificate: string
  readonly key: string
  readonly authority: string
}

export interface NodeLink {
  /** @throws LimenError `custody-node-away` when it cannot be reached, closes, or has not answered in time */
  ask(message: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** At once; a node is one thread. */
const CONNECTIONS = 16
const CONNECT_MS = 2_000
/** Below what nodes keep: `apps/custody/listener.ts`. */
const KEEP_MS = 60_000

export function nodeLink(options: NodeLinkOptions): NodeLink {
  const { host, name } = options
  const at = host.includes(':') ? `[${host}]` : host
  const connector = (): buildConnector.connector =>
    buildConnector({
      cert: options.certificate,
      key: options.key,
      ca: options.authority,
      minVersion: 'TLSv1.3',
      timeout: CONNECT_MS,
      checkServerIdentity: (_host, { subjectaltname }) =>
        subjectaltname === `URI:${name}` ? undefined : new Error('Another node'),
    })
  const pool = new Pool(`https://${at}`, {
    connections: CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_MS,
    keepAliveMaxTimeout: KEEP_MS,
    connect: (to, done) => connector()({ ...to, port: String(options.port) }, done),
  })
  return {
    async ask(message, timeoutMs) {
      const stop = new AbortController()
      const timer = setTimeout(() => stop.abort(), timeoutMs)
      try {
        const { statusCode, body } = await pool.request({
          path: CUSTODY_PATH,
          method: 'POST',
          body: message,
          signal: stop.signal,
        })
        const pieces: Buffer[] = []
        let bytes = 0
        for await (const piece of body as AsyncIterable<Buffer>) {
          bytes += piece.length
          if (bytes > CUSTODY_MESSAGE_BYTES_MAX) throw new RangeError('The answer is too long')
          pieces.push(piece)
        }
        if (statusCode !== 200) throw new RangeError(`Status ${statusCode}`)
        return joinOctets(...pieces)
      } catch (cause) {
        const text = `${name} does not answer`
        throw new LimenError('custody-node-away', text, { side: 'upstream', retry: true, cause })
      } finally {
        clearTimeout(timer)
      }
    },
    close: () => pool.destroy(),
  }
}
