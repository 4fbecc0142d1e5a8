/**
 * Finds every ClientHello in captured packets: TLS over TCP, also behind CONNECT, SOCKS, STARTTLS or a
 * PROXY header; QUIC; DTLS; inside tunnels; the second one after a HelloRetryRequest too. Packets in,
 * hellos out, in the order they become whole. Everything it keeps is bounded.
 *
 * @module
 */
import { type Ja4, type Ja4Transport, ja4 } from '../behavior/handshake/ja4.ts'
import { u16, u32 } from '../wire/big-endian.ts'
import type { CapturedPacket } from '../wire/capture.ts'
import { DtlsHelloReader, isDtls } from '../wire/dtls-hello.ts'
import { IpFragments } from '../wire/ip-fragments.ts'
import { type IpPacket, readIpPacket } from '../wire/ip-packet.ts'
import { findInnerIp } from '../wire/ip-tunnel.ts'
import { findIpPacket } from '../wire/link-layer.ts'
import { type TcpRun, TcpStream } from '../wire/tcp-stream.ts'
import { QuicHelloSearch } from './quic-hello-search.ts'
import { type MetHello, TlsHelloSearch } from './tls-hello-search.ts'

/** A ClientHello and where it was. */
export interface FoundHello extends MetHello {
  readonly transport: Ja4Transport
  /** Number of the conversation in the capture, both directions together, from 0. */
  readonly stream: number
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  /** Which hello of this sender on these ports and addresses, from 1. */
  readonly nth: number
  /** When it was whole, ms since the Unix epoch. */
  readonly at: number
  readonly fingerprint: Ja4
}

/** Ours: conversations followed at a time, the oldest are forgotten first. */
const CONVERSATIONS_MAX = 65_536
/** Ours: what all of them may hold of hellos that are not whole, counted from above; those that have held longest give up first. */
const HELD_BYTES_MAX = 128 * 2 ** 20
/** Of a segment that waits for the one before it, besides its bytes. */
const WAITING_SEGMENT_BYTES = 256
/** Of a DTLS reader: as it is made, and at most, which a fragment may claim as soon as a hello is not whole. */
const DTLS_BYTES = { least: 8192, most: 2 * 2 ** 18 } as const
const DTLS_HANDSHAKE = 22
/** Ours: tunnels in tunnels. */
const TUNNEL_DEPTH_MAX = 4

const TCP = 6
const UDP = 17

/** There are many: each part is made when it is needed. */
class Conversation {
  readonly stream: number
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  hellos = 0
  /** Sequence number of the SYN seen. */
  opened: number | undefined
  tcp: TcpStream | undefined
  tls: TlsHelloSearch | undefined
  quic: QuicHelloSearch | undefined
  dtls: DtlsHelloReader | undefined
  /** Nothing more is looked for until a new connection opens. */
  isOver = false
  waitingBytes = 0
  dtlsBytes = 0
  /** As counted last. */
  heldBytes = 0

  constructor(stream: number, packet: IpPacket) {
    this.stream = stream
    this.source = packet.source
    this.sourcePort = u16(packet.payload, 0)
    this.destination = packet.destination
    this.destinationPort = u16(packet.payload, 2)
  }

  letGo(): void {
    this.tcp = undefined
    this.tls = undefined
    this.quic = undefined
    this.dtls = undefined
    this.waitingBytes = 0
    this.dtlsBytes = 0
    this.heldBytes = 0
  }
}

export class ClientHelloFinder {
  readonly #conversations = new OldestFirst<string, Conversation>()
  readonly #streams = new OldestFirst<string, number>()
  /** Those that hold something, in the order they began to. */
  readonly #holders = new OldestFirst<Conversation, true>()
  readonly #fragments = new IpFragments()
  #streamCount = 0
  #heldBytes = 0
  #forgotten = 0

  /** Conversations given up, in the middle of a hello, for want of room. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Takes the next packet. Never throws; packets that are nothing to it yield nothing. */
  add(packet: CapturedPacket): FoundHello[] {
    const at = findIpPacket(packet.linkType, packet.bytes)
    return at === undefined ? [] : this.#addIp(packet.bytes, at, packet.at, 0)
  }

  /** The capture is over: what waits behind lost segments is looked at now. */
  end(): FoundHello[] {
    const found: FoundHello[] = []
    for (const conversation of this.#conversations.values()) {
      const { tcp, tls } = conversation
      for (const run of tcp?.flush() ?? []) {
        this.#report(conversation, 't', tls?.add(run) ?? [], run.at, found)
      }
    }
    return found
  }

  #addIp(bytes: Uint8Array, at: number, time: number, depth: number): FoundHello[] {
    const piece = readIpPacket(bytes, at)
    const packet = piece === undefined ? undefined : this.#fragments.add(piece)
    if (packet === undefined) return []
    const inner = depth < TUNNEL_DEPTH_MAX ? findInnerIp(packet) : undefined
    if (inner !== undefined) return this.#addIp(packet.payload, inner, time, depth + 1)
    if (packet.protocol === TCP) return this.#addSegment(packet, time)
    if (packet.protocol === UDP) return this.#addDatagram(packet, time)
    return []
  }

  #addSegment(packet: IpPacket, time: number): FoundHello[] {
    const { payload } = packet
    const headerBytes = ((payload[12] ?? 0) >> 4) * 4
    if (headerBytes < 20 || headerBytes > payload.length) return []
    const conversation = this.#conversation(packet)
    const flags = payload[13] ?? 0
    let sequence = u32(payload, 4)
    if ((flags & 0x02) !== 0) {
      // SYN. The same one again is a retransmission, another is a new connection on the same ports.
      if (conversation.opened !== sequence) {
        this.#letGo(conversation)
        conversation.opened = sequence
        conversation.isOver = false
      }
      sequence = (sequence + 1) >>> 0
    }
    const bytes = payload.subarray(headerBytes)
    if (conversation.isOver || bytes.length === 0) return []
    const found: FoundHello[] = []
    const tcp = conversation.tcp ?? beginTcp(conversation)
    conversation.tls ??= new TlsHelloSearch()
    const runs = tcp.push(sequence, bytes, time)
    conversation.waitingBytes = waitingAfter(conversation.waitingBytes, bytes, runs)
    for (const run of runs) {
      this.#report(conversation, 't', conversation.tls.add(run), run.at, found)
    }
    if (conversation.tls.isOver) this.#end(conversation)
    else this.#count(conversation)
    return found
  }

  #addDatagram(packet: IpPacket, time: number): FoundHello[] {
    const { payload } = packet
    if (payload.length < 8) return []
    const datagram = payload.subarray(8)
    const dtls = isDtls(datagram)
    // QUIC long header: the two top bits.
    if (!dtls && ((datagram[0] ?? 0) & 0xc0) !== 0xc0) return []
    const conversation = this.#conversation(packet)
    const found: FoundHello[] = []
    if (dtls) {
      conversation.dtls ??= new DtlsHelloReader()
      const met = conversation.dtls
        .feed(datagram, time)
        .map((hello) => ({ hello, error: undefined }))
      this.#report(conversation, 'd', met, time, found)
      const mayGrow = met.length === 0 && datagram[0] === DTLS_HANDSHAKE
      const bytes = mayGrow ? DTLS_BYTES.most : DTLS_BYTES.least
      conversation.dtlsBytes = Math.max(conversation.dtlsBytes, bytes)
    } else {
      conversation.quic ??= new QuicHelloSearch()
      this.#report(conversation, 'q', conversation.quic.add(datagram, time), time, found)
    }
    this.#count(conversation)
    return found
  }

  /** What a conversation holds now. Above the bound those that have held longest give it up. */
  #count(conversation: Conversation): void {
    const { waitingBytes, dtlsBytes, tls, quic } = conversation
    const held = waitingBytes + dtlsBytes + (tls?.heldBytes ?? 0) + (quic?.heldBytes ?? 0)
    this.#heldBytes += held - conversation.heldBytes
    conversation.heldBytes = held
    if (held === 0) this.#holders.delete(conversation)
    else if (!this.#holders.has(conversation)) this.#holders.set(conversation, true)
    while (this.#heldBytes > HELD_BYTES_MAX) {
      const oldest = this.#holders.takeOldest()
      if (oldest === undefined) return
      this.#giveUp(oldest[0])
    }
  }

  /** In the middle of a hello it is a loss. */
  #giveUp(conversation: Conversation): void {
    const { tls, quic, dtls, waitingBytes, hellos } = conversation
    const isHalf = waitingBytes > 0 || tls?.isReading === true || quic?.isReading === true
    if (isHalf || (dtls !== undefined && hellos === 0)) this.#forgotten++
    const isTcp = conversation.tcp !== undefined
    this.#letGo(conversation)
    // Its next segment would not be the beginning.
    conversation.isOver = isTcp
  }

  #end(conversation: Conversation): void {
    this.#letGo(conversation)
    conversation.isOver = true
  }

  #letGo(conversation: Conversation): void {
    this.#heldBytes -= conversation.heldBytes
    this.#holders.delete(conversation)
    conversation.letGo()
  }

  #report(
    conversation: Conversation,
    transport: Ja4Transport,
    met: readonly MetHello[],
    at: number,
    found: FoundHello[],
  ): void {
    const { stream, source, sourcePort, destination, destinationPort } = conversation
    for (const { hello, error } of met) {
      conversation.hellos++
      found.push({
        ...{ transport, stream, source, sourcePort, destination, destinationPort },
        ...{ nth: conversation.hellos, at, hello, error, fingerprint: ja4(hello, transport) },
      })
    }
  }

  #conversation(packet: IpPacket): Conversation {
    const from = `${packet.source} ${u16(packet.payload, 0)}`
    const to = `${packet.destination} ${u16(packet.payload, 2)}`
    const key = `${packet.protocol} ${from} ${to}`
    const known = this.#conversations.get(key)
    if (known !== undefined) return known
    const stream = this.#stream(key, `${packet.protocol} ${to} ${from}`)
    const conversation = new Conversation(stream, packet)
    this.#conversations.set(key, conversation)
    if (this.#conversations.size > CONVERSATIONS_MAX) {
      const oldest = this.#conversations.takeOldest()
      if (oldest !== undefined) this.#giveUp(oldest[1])
    }
    return conversation
  }

  /** Both directions share a number. */
  #stream(key: string, reverse: string): number {
    const known = this.#streams.get(reverse)
    if (known !== undefined) return known
    const stream = this.#streamCount++
    this.#streams.set(key, stream)
    if (this.#streams.size > CONVERSATIONS_MAX) this.#streams.takeOldest()
    return stream
  }
}

/** A capture that began in the middle has no SYN. */
function beginTcp(conversation: Conversation): TcpStream {
  const tcp = new TcpStream()
  if (conversation.opened !== undefined) tcp.open(conversation.opened)
  conversation.tcp = tcp
  return tcp
}

/** From above: a segment that came again counts as if it waited. */
function waitingAfter(before: number, bytes: Uint8Array, runs: readonly TcpRun[]): number {
  if (runs.length === 0) return before + bytes.length + WAITING_SEGMENT_BYTES
  const gone = runs.slice(1).reduce((sum, run) => sum + run.bytes.length + WAITING_SEGMENT_BYTES, 0)
  return Math.max(0, before - gone)
}

/**
 * A map that gives its oldest entries back. One iterator goes on over all its life: a new one would pass over all that was deleted
 * before, each time.
 */
class OldestFirst<K, V> extends Map<K, V> {
  readonly #next = this.entries()

  takeOldest(): [K, V] | undefined {
    const { value } = this.#next.next()
    if (value !== undefined) this.delete(value[0])
    return value
  }
}
