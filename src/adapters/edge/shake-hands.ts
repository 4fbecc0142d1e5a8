/**
 * Who shakes hands with a client: this process, in the primary or the rigorous way, or another TLS server. The
 * decision has been made; here it is obeyed.
 *
 * @module
 */
import type { ListenerSettings } from '../../ports/data-plane.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import type { ClientConnection, Speaker } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { Handshake, tellOutcome } from './handshake.ts'
import { membersFor } from './handshake-members.ts'
import { isRetryNeeded, retryGroupFor } from './hello-retry.ts'
import { Passthrough } from './passthrough.ts'
import { RequestGate } from './request-gate.ts'
import type { RigorousRefusal, Turn } from './rigorous-pool.ts'
import type { TlsSession } from './tls-session.ts'

export interface HandshakeOrder {
  readonly connection: ClientConnection
  readonly edge: EdgeContext
  readonly hello: ClientHello
  /** The hello as it came. */
  readonly octets: Buffer
  readonly minVersion: ListenerSettings['minVersion']
  /** In the form of RFC 7301 section 3.1. */
  readonly alpn: Uint8Array
  /** When the hello was complete, by the monotonic clock. */
  readonly since: number
  onSecure(session: TlsSession): void
  /** Nobody shakes hands: the client is to be told so. */
  onRefused(code: RigorousRefusal | 'member-unreachable'): void
}

/** Sees to the handshake of a connection that has been decided about. */
export function shakeHands(order: HandshakeOrder): void {
  const { connection, edge, octets, since, onRefused } = order
  const { decision } = connection
  if (decision === undefined) throw new TypeError('Cannot shake hands before a decision')
  const isRigorous = decision.pool === 'rigorous'
  const shakeHere = () => (isRigorous ? shakeRigorously(order) : shakePlainly(order))
  if (isRigorous) {
    const refusal = edge.rigorous.enter(decision.profile ?? '')
    if (refusal !== undefined) {
      onRefused(refusal)
      return
    }
    connection.accepted.onClose(() => edge.rigorous.leave())
  }
  const { others, here } = membersFor(edge.settings.admission, decision)
  if (others.length > 0) {
    const onUnreachable = () => (here === 'never' ? onRefused('member-unreachable') : shakeHere())
    new Passthrough({ connection, edge, members: others, octets, since, onUnreachable }).start()
  } else if (here === 'never') onRefused('member-unreachable')
  else shakeHere()
}

function shakePlainly(order: HandshakeOrder): void {
  const { connection, edge, hello, octets, minVersion } = order
  const profile = connection.decision?.profile ?? ''
  const lease = edge.certificates.lend(hello.sni, minVersion, profile)
  if (lease === undefined) {
    connection.channel.destroy()
    return
  }
  const handshake = new Handshake({
    connection,
    edge,
    secureContext: lease.secureContext,
    alpn: order.alpn,
    retry: isRetryNeeded(hello),
    since: order.since,
    onOver: lease.giveBack,
    onSecure: order.onSecure,
  })
  handshake.start(octets)
}

function shakeRigorously(order: HandshakeOrder): void {
  const { connection, edge } = order
  const turn = new AwaitedTurn(order)
  connection.speaker = turn
  edge.rigorous.queue(turn)
}

/** A connection that waits until the rigorous pool has time for it. */
class AwaitedTurn implements Speaker, Turn {
  readonly deadline: number
  isWanted = true
  readonly #order: HandshakeOrder

  constructor(order: HandshakeOrder) {
    this.#order = order
    this.deadline = order.edge.now() + order.edge.settings.timeouts.tlsMs
  }

  begin(): void {
    const { connection, edge, hello, octets, alpn, since, onSecure } = this.#order
    const { helloRetry } = edge.settings.admission.rigorous
    const retry = helloRetry ? retryGroupFor(hello) : undefined
    const secureContext = edge.certificates.rigorousFor(hello.sni, retry)
    if (secureContext === undefined) {
      edge.rigorous.over()
      connection.channel.destroy()
      return
    }
    const handshake = new Handshake({
      connection,
      edge,
      secureContext,
      alpn,
      retry: retry !== undefined || isRetryNeeded(hello),
      since,
      onOver: () => edge.rigorous.over(),
      onSecure: (session) => {
        connection.gate = new RequestGate(connection, edge)
        onSecure(session)
      },
    })
    handshake.start(octets)
  }

  expire(): void {
    const { connection, edge, since } = this.#order
    this.isWanted = false
    edge.meter.refused('rigorous-busy')
    const handshakeMs = edge.now() - since
    tellOutcome(edge, connection, { result: 'timeout', handshakeMs, helloRetry: false })
    connection.channel.destroy()
  }

  drain(): void {}

  closed(): void {
    this.isWanted = false
  }
}
