/**
 * One TLS handshake by this process, from the ClientHello to whatever becomes of it, which is told once: full,
 * resumed, failed, closed by the client, out of time.
 *
 * @module
 */
import type tls from 'node:tls'
import type { HandshakeOutcome } from '../../behavior/handshake/observation.ts'
import type { ClientConnection, Speaker } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { newTlsSession, type TlsSession } from './tls-session.ts'

export interface HandshakeOptions {
  readonly connection: ClientConnection
  readonly edge: EdgeContext
  readonly secureContext: tls.SecureContext
  readonly alpn: Uint8Array
  /** The client has to be asked for another key share, if it comes to TLS 1.3. */
  readonly retry: boolean
  /** When the hello was complete, by the monotonic clock. */
  readonly since: number
  /** Called once, whatever became of it, before `onSecure`. */
  onOver(): void
  onSecure(session: TlsSession): void
}

export class Handshake implements Speaker {
  deadline: number
  readonly #options: HandshakeOptions
  readonly #session: TlsSession
  #isOver = false

  constructor(options: HandshakeOptions) {
    const { connection, edge } = options
    this.#options = options
    this.deadline = edge.now() + edge.settings.timeouts.tlsMs
    this.#session = newTlsSession(connection.accepted, {
      secureContext: options.secureContext,
      alpn: options.alpn,
      onSecure: () => this.#secured(),
      onFailed: (reason) => {
        if (reason !== 'broken') edge.meter.handshakesFailed++
        edge.meter.refused(`tls-${reason}`)
        if (reason !== 'broken') this.#over(reason)
      },
    })
    connection.channel = this.#session.channel
    connection.tls = this.#session
    connection.speaker = this
  }

  /** `octets` are those of the hello, as they came. */
  start(octets: Buffer): void {
    this.#session.start(octets)
  }

  expire(): void {
    const { connection, edge } = this.#options
    edge.meter.refused('tls-timeout')
    edge.meter.handshakesFailed++
    this.#over('timeout')
    connection.channel.destroy()
  }

  drain(): void {}

  /** The socket is gone without a word from TLS: we closed it ourselves. */
  closed(): void {
    this.#over('closed')
  }

  #secured(): void {
    const { connection, edge, onSecure } = this.#options
    connection.resumed = this.#session.resumed
    if (connection.resumed) edge.meter.handshakesResumed++
    else edge.meter.handshakesFull++
    this.#over(connection.resumed ? 'resumed' : 'full')
    onSecure(this.#session)
  }

  #over(result: HandshakeOutcome['result']): void {
    if (this.#isOver) return
    this.#isOver = true
    const { connection, edge, retry, since, onOver } = this.#options
    const helloRetry = retry && this.#session.version === 'TLSv1.3'
    tellOutcome(edge, connection, { result, handshakeMs: edge.now() - since, helloRetry })
    onOver()
  }
}

/** Says what became of the handshake of `connection`; of one nobody decided about there is nothing to say. */
export function tellOutcome(
  edge: EdgeContext,
  { decision }: ClientConnection,
  outcome: Pick<HandshakeOutcome, 'result' | 'handshakeMs' | 'helloRetry'> & {
    readonly check?: HandshakeOutcome['check']
  },
): void {
  if (decision?.profile === undefined) return
  const { result, handshakeMs, helloRetry, check = '' } = outcome
  edge.meter.handshakeEnded(decision, { result, check, handshakeMs })
  edge.onOutcome({
    result,
    handshakeMs,
    helloRetry,
    check,
    decision: decision.id,
    profile: decision.profile,
    at: edge.wallClock(),
  })
}
