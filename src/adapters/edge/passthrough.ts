/**
 * A handshake by another TLS server: a PROXY protocol v2 header that says who the client is and what Limen thinks
 * of it, the octets of the ClientHello as they came, then octets both ways, each side held back by the other.
 * Limen holds no keys here and reads nothing but the first octets of a record, to tell what became of it.
 *
 * When no member can be reached nothing was said to the client yet: whoever asked may try something else.
 *
 * @module
 */
import net from 'node:net'
import type { HandshakeOutcome } from '../../behavior/handshake/observation.ts'
import type { HandshakeMemberSettings } from '../../ports/data-plane.ts'
import type { ClientConnection, Speaker } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { tellOutcome } from './handshake.ts'
import { keep, OCTETS, READ_AT, READ_VIEW } from './octets.ts'
import { Outlet } from './outlet.ts'

/** Octets on their way to the client before the member is held back. */
const WAITING_MAX = 65_536
/** A client does not wait for more of them: each may take `connectMs`. */
const TRIES_MAX = 3
/** RFC 8446 section 5.1. */
const ALERT = 21
/** RFC 8446 section 4.1.3: the random of a ServerHello that is a HelloRetryRequest begins so; 11 octets into the record. */
const RETRY_RANDOM = Buffer.from('cf21ad74e59a6111', 'hex')
const RANDOM_AT = 11

export interface PassthroughOptions {
  readonly connection: ClientConnection
  readonly edge: EdgeContext
  /** In the order in which they are tried. */
  readonly members: readonly HandshakeMemberSettings[]
  /** The hello, as it came. */
  readonly octets: Buffer
  /** When it was complete, by the monotonic clock. */
  readonly since: number
  /** No member took the connection. The client has been told nothing. */
  onUnreachable(): void
}

export class Passthrough implements Speaker {
  deadline = Number.POSITIVE_INFINITY
  readonly #options: PassthroughOptions
  readonly #outlet: Outlet
  #tried = 0
  #member: net.Socket | undefined
  #connected = false
  #isOver = false
  /** What can be seen of the handshake. */
  #answered = false
  #helloRetry = false
  #isTold = false

  constructor(options: PassthroughOptions) {
    this.#options = options
    this.#outlet = new Outlet(options.connection.channel, () => this.#member?.resume())
    options.connection.speaker = this
  }

  start(): void {
    this.#next()
  }

  expire(): void {
    if (!this.#connected) {
      this.#options.edge.meter.refused('member-timeout')
      this.#drop()
      this.#next()
      return
    }
    this.#options.edge.meter.refused('tunnel-idle')
    this.#tell('timeout')
    this.#options.connection.channel.destroy()
  }

  /** Who is on the other side is not ours to tell: the connection has until the end of the drain. */
  drain(): void {}

  closed(): void {
    this.#isOver = true
    this.#tell('closed')
    if (this.#connected) this.#member?.destroySoon()
    else this.#drop()
  }

  #next(): void {
    const { edge, members, onUnreachable } = this.#options
    const member = members[this.#tried++]
    if (member === undefined || this.#tried > TRIES_MAX) {
      this.deadline = Number.POSITIVE_INFINITY
      onUnreachable()
      return
    }
    this.deadline = edge.now() + edge.settings.timeouts.connectMs
    this.#connect(member)
  }

  #connect({ host, port }: HandshakeMemberSettings): void {
    const { connection, edge, octets } = this.#options
    const socket = net.connect({
      host,
      port,
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: READ_VIEW,
        callback: (length: number) => this.#fromMember(READ_AT, READ_AT + length),
      },
    })
    this.#member = socket
    // Not before: a member that refuses must leave nothing behind that another would miss.
    socket.once('connect', () => {
      this.#connected = true
      socket.write(connection.proxyHeader())
      socket.write(octets)
      this.#join(socket)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#member !== socket || this.#isOver) return
      if (this.#connected) this.#memberGone()
      else {
        edge.meter.refused('member-unreachable')
        this.#drop()
        this.#next()
      }
    })
  }

  #drop(): void {
    const socket = this.#member
    this.#member = undefined
    socket?.destroy()
  }

  #join(member: net.Socket): void {
    const { connection } = this.#options
    const client = connection.channel
    connection.protocol = 'tunnel'
    this.#touch()
    member.on('drain', () => client.resumeReads())
    member.on('end', () => this.#outlet.end())
    client.onEnd(() => {
      this.#tell('closed')
      member.end()
    })
    client.takeReads((from, to) => this.#fromClient(from, to))
    client.resumeReads()
  }

  #fromMember(from: number, to: number): boolean {
    const { connection, edge } = this.#options
    if (connection.channel.destroyed) return true
    this.#touch()
    connection.bytesOut += to - from
    edge.meter.bytesOut += to - from
    if (!this.#answered) {
      this.#answered = true
      if (OCTETS[from] === ALERT) this.#tell('failed')
      const random = OCTETS.subarray(from + RANDOM_AT, from + RANDOM_AT + RETRY_RANDOM.length)
      this.#helloRetry = to - from > RANDOM_AT && random.equals(RETRY_RANDOM)
    }
    this.#outlet.writeRange(from, to)
    return this.#outlet.waiting < WAITING_MAX
  }

  #fromClient(from: number, to: number): boolean {
    const { connection, edge } = this.#options
    this.#touch()
    connection.bytesIn += to - from
    edge.meter.bytesIn += to - from
    // Whether it was resumed cannot be seen from here.
    if (this.#answered) this.#tell(OCTETS[from] === ALERT ? 'failed' : 'full')
    return this.#member?.write(keep(from, to)) ?? false
  }

  /** The member closed, or reset: what it said is still to be handed over. */
  #memberGone(): void {
    this.#tell('failed')
    this.#outlet.end()
    this.#options.connection.channel.destroySoon()
  }

  #touch(): void {
    const { edge } = this.#options
    this.deadline = edge.lately + edge.settings.timeouts.tunnelIdleMs
  }

  #tell(result: HandshakeOutcome['result']): void {
    if (this.#isTold) return
    this.#isTold = true
    const { connection, edge, since } = this.#options
    const handshakeMs = edge.now() - since
    tellOutcome(edge, connection, { result, handshakeMs, helloRetry: this.#helloRetry })
  }
}
