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
import { TcpStream } from '../wire/tcp-stream.ts'
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
const CONVERSATIONS_MAX = 100_000
/** Ours: tunnels in tunnels. */
const TUNNEL_DEPTH_MAX = 4

const TCP = 6
const UDP = 17

interface Conversation {
  readonly stream: number
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  hellos: number
  /** Sequence number of the SYN seen. */
  opened: number | undefined
  readonly tcp: TcpStream
  tls: TlsHelloSearch
  readonly quic: QuicHelloSearch
  readonly dtls: DtlsHelloReader
}

export class ClientHelloFinder {
  readonly #conversations = new Map<string, Conversation>()
  readonly #streams = new Map<string, number>()
  readonly #fragments = new IpFragments()
  #streamCount = 0

  /** Takes the next packet. Never throws; packets that are nothing to it yield nothing. */
  add(packet: CapturedPacket): FoundHello[] {
    const at = findIpPacket(packet.linkType, packet.bytes)
    return at === undefined ? [] : this.#addIp(packet.bytes, at, packet.at, 0)
  }

  /** The capture is over: what waits behind lost segments is looked at now. */
  end(): FoundHello[] {
    const found: FoundHello[] = []
    for (const conversation of this.#conversations.values()) {
      for (const run of conversation.tcp.flush()) {
        this.#report(conversation, 't', conversation.tls.add(run), run.at, found)
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
        conversation.opened = sequence
        conversation.tcp.open(sequence)
        conversation.tls = new TlsHelloSearch()
      }
      sequence = (sequence + 1) >>> 0
    }
    if (conversation.tls.isOver) return []
    const found: FoundHello[] = []
    for (const run of conversation.tcp.push(sequence, payload.subarray(headerBytes), time)) {
      this.#report(conversation, 't', conversation.tls.add(run), run.at, found)
    }
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
      const met = conversation.dtls
        .feed(datagram, time)
        .map((hello) => ({ hello, error: undefined }))
      this.#report(conversation, 'd', met, time, found)
    } else {
      this.#report(conversation, 'q', conversation.quic.add(datagram, time), time, found)
    }
    return found
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
    const sourcePort = u16(packet.payload, 0)
    const destinationPort = u16(packet.payload, 2)
    const from = `${packet.source} ${sourcePort}`
    const to = `${packet.destination} ${destinationPort}`
    const key = `${packet.protocol} ${from} ${to}`
    const known = this.#conversations.get(key)
    if (known !== undefined) return known
    const conversation: Conversation = {
      stream: this.#stream(key, `${packet.protocol} ${to} ${from}`),
      source: packet.source,
      sourcePort,
      destination: packet.destination,
      destinationPort,
      hellos: 0,
      opened: undefined,
      tcp: new TcpStream(),
      tls: new TlsHelloSearch(),
      quic: new QuicHelloSearch(),
      dtls: new DtlsHelloReader(),
    }
    this.#conversations.set(key, conversation)
    forgetOldest(this.#conversations)
    return conversation
  }

  /** Both directions share a number. */
  #stream(key: string, reverse: string): number {
    const known = this.#streams.get(reverse)
    if (known !== undefined) return known
    const stream = this.#streamCount++
    this.#streams.set(key, stream)
    forgetOldest(this.#streams)
    return stream
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= CONVERSATIONS_MAX) return
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
