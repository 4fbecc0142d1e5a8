/**
 * Looks for ClientHellos in one direction of a UDP conversation that speaks QUIC: opens the Initial
 * packets, puts the CRYPTO frames together. Coalesced packets, hellos over several datagrams in any
 * order, a second hello after a HelloRetryRequest.
 *
 * @module
 */
import { clientInitialKeys, type InitialKeys, openInitial } from '../crypto/quic-initial.ts'
import { readClientHelloMessage } from '../wire/client-hello-message.ts'
import { HANDSHAKE_STREAM_BYTES_MAX, HandshakeStream } from '../wire/handshake-stream.ts'
import { type InitialHeader, readCryptoFrames, readLongPacket } from '../wire/quic-packet.ts'
import type { MetHello } from './tls-hello-search.ts'

/** Ours: connections of one pair of ports and addresses whose keys are tried. */
const CONNECTIONS_MAX = 4
const CLIENT_HELLO = 1
const HANDSHAKE_HEADER_BYTES = 4
/** Room a stream makes at first, for its bytes and again for which of them came; and of keys and the rest, from above. */
const STREAM_ROOM_FIRST = 4096
const CONNECTION_BYTES = 1024

interface Connection {
  readonly keys: InitialKeys
  readonly stream: HandshakeStream
  startedAt: number
  datagrams: number
  /** Room the stream has made, from above. */
  room: number
}

export class QuicHelloSearch {
  readonly #connections: Connection[] = []

  /** A hello has begun and is not whole. */
  get isReading(): boolean {
    return this.#connections.some(({ datagrams }) => datagrams > 0)
  }

  /** Memory that waits for hellos, from above. */
  get heldBytes(): number {
    return this.#connections.reduce((sum, { room }) => sum + 2 * room + CONNECTION_BYTES, 0)
  }

  add(datagram: Uint8Array, atMs: number): MetHello[] {
    const met: MetHello[] = []
    let at = 0
    while (at < datagram.length) {
      const packet = readLongPacket(datagram, at)
      if (packet === undefined) break
      if (packet.kind === 'initial') this.#addInitial(datagram, packet, atMs, met)
      at = packet.end
    }
    return met
  }

  #addInitial(datagram: Uint8Array, packet: InitialHeader, atMs: number, met: MetHello[]): void {
    const opened = this.#open(datagram, packet, atMs)
    if (opened === undefined) return
    const { connection, payload } = opened
    const frames = readCryptoFrames(payload)
    if (frames.length > 0) connection.datagrams++
    for (const frame of frames) {
      const end = Math.min(frame.offset + frame.bytes.length, HANDSHAKE_STREAM_BYTES_MAX)
      if (end > connection.room) connection.room = Math.max(end, 2 * connection.room)
      for (const message of connection.stream.add(frame.offset, frame.bytes)) {
        if (message.type !== CLIENT_HELLO) continue
        const { bytes } = message
        const { hello, error } = readClientHelloMessage(bytes, HANDSHAKE_HEADER_BYTES, bytes.length)
        if (hello === undefined) continue
        hello.chunks = connection.datagrams
        hello.bytes = bytes.length
        hello.startedAt = connection.startedAt
        hello.completedAt = atMs
        met.push({ hello, error })
        connection.datagrams = 0
        connection.startedAt = atMs
      }
    }
  }

  /**
   * The keys come from the first destination id the client chose; later packets carry the server's
   * choice and keep the keys. So: the connections known, then a new one.
   */
  #open(
    datagram: Uint8Array,
    packet: InitialHeader,
    atMs: number,
  ): { readonly connection: Connection; readonly payload: Uint8Array } | undefined {
    for (const connection of this.#connections) {
      const payload = openInitial(datagram, packet, connection.keys)
      if (payload !== undefined) return { connection, payload }
    }
    const keys = clientInitialKeys(packet.version, packet.destinationId)
    const payload = keys === undefined ? undefined : openInitial(datagram, packet, keys)
    if (keys === undefined || payload === undefined) return undefined
    const connection: Connection = {
      ...{ keys, stream: new HandshakeStream(), startedAt: atMs, datagrams: 0 },
      room: STREAM_ROOM_FIRST,
    }
    this.#connections.push(connection)
    if (this.#connections.length > CONNECTIONS_MAX) this.#connections.shift()
    return { connection, payload }
  }
}
