/**
 * The record of a client's connection from accept to close: who, what is spoken, how much.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import type { ConnectionView } from '../../ports/data-plane.ts'
import {
  type ProxyEndpoint,
  type ProxyHeader,
  TLV,
  type Tlv,
  writeProxyHeader,
} from '../../wire/proxy-v2.ts'
import type { Accepted } from './accepted.ts'
import type { Channel } from './channel.ts'
import type { RequestGate } from './request-gate.ts'
import type { TlsSession } from './tls-session.ts'

/**
 * How long a connection without a request is kept in a drain: a request may be on its way (closing on it
 * would lose it), for as long as a round trip around the world and a busy client take.
 */
export const DRAIN_IDLE_MS = 1_000

/** What is spoken on a connection at the moment, as the sweep and a drain see it. */
export interface Speaker {
  /** By the monotonic clock; Infinity for never. */
  deadline: number
  expire(now: number): void
  /** Finish what runs, then close. */
  drain(): void
  /** Sessions were revoked: what goes on under one of them is over. */
  recheck?(): void
  /** The connection is gone. */
  closed(): void
}

export class ClientConnection {
  readonly listener: string
  readonly secure: boolean
  readonly openedAt: number
  readonly accepted: Accepted
  /** What is spoken over: the accepted socket, or TLS on top of it. */
  channel: Channel
  tls: TlsSession | undefined
  /** Of the rigorous pool, as long as it wants to see requests before they pass. */
  gate: RequestGate | undefined
  speaker: Speaker
  decision: Decision | undefined
  protocol: ConnectionView['protocol'] = 'tls'
  resumed = false
  /** Kind of client, once a pool asked for it (`client-kinds.ts`). */
  cluster: number | undefined
  requests = 0
  bytesIn = 0
  bytesOut = 0
  remoteAddress: string
  remotePort: number
  /** Of the listener, whatever a proxy in front says. */
  readonly localPort: number
  /** Where the client came to, by the word of a proxy in front. */
  #destination: ProxyEndpoint | undefined

  constructor(
    accepted: Accepted,
    listener: { readonly name: string; readonly tls: boolean; readonly port: number },
    openedAt: number,
    speaker: Speaker,
  ) {
    this.accepted = accepted
    this.channel = accepted.channel
    this.listener = listener.name
    this.secure = listener.tls
    this.openedAt = openedAt
    this.speaker = speaker
    this.remoteAddress = accepted.remoteAddress
    this.remotePort = accepted.remotePort
    this.localPort = listener.port
  }

  /** A proxy in front said who the client is. */
  believe(header: ProxyHeader | undefined): void {
    if (header?.source === undefined) return
    this.remoteAddress = header.source.address
    this.remotePort = header.source.port
    this.#destination = header.destination
  }

  /** A PROXY protocol v2 header about this client, with what Limen thinks of it. TLVs that came are for Limen alone. */
  proxyHeader(): Uint8Array {
    const { decision } = this
    const tlvs: Tlv[] = []
    const text = (type: number, value: string) => tlvs.push({ type, value: Buffer.from(value) })
    if (decision !== undefined) {
      if (decision.handshake !== undefined && decision.handshake.sni !== '') {
        text(TLV.authority, decision.handshake.sni.slice(0, 255))
      }
      text(TLV.limenDecision, decision.id)
      text(TLV.limenScore, decision.score.toFixed(2))
      if (decision.handshake !== undefined) text(TLV.limenJa4, decision.handshake.ja4)
    }
    return writeProxyHeader(
      { address: this.remoteAddress, port: this.remotePort },
      this.#destination ?? { address: this.accepted.localAddress, port: this.localPort },
      tlvs,
    )
  }

  view(worker: number): ConnectionView {
    const { decision } = this
    const handshake = decision?.handshake
    return {
      id: decision?.id ?? '',
      worker,
      listener: this.listener,
      remote: this.remoteAddress.includes(':')
        ? `[${this.remoteAddress}]:${this.remotePort}`
        : `${this.remoteAddress}:${this.remotePort}`,
      protocol: this.protocol,
      tlsVersion: this.tls?.version ?? '',
      resumed: this.resumed,
      openedAt: this.openedAt,
      requests: this.requests,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      decisionId: decision?.id ?? '',
      tier: decision?.tier ?? 1,
      score: decision?.score ?? 0,
      reasons: decision?.reasons.map(({ text }) => text) ?? [],
      ...(handshake === undefined ? {} : { handshake }),
    }
  }
}
