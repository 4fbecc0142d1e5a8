/**
 * Puts IP fragments together (RFC 791 section 3.2, RFC 8200 section 4.5). Bounded: the oldest packets
 * that never became whole fall out. Overlaps: the first bytes to come stay.
 *
 * @module
 */
import type { IpPacket } from './ip-packet.ts'

/** Ours: unfinished packets kept, and pieces of one. */
const PACKETS_MAX = 256
const PIECES_MAX = 64
/** The largest IP packet. */
const PACKET_BYTES_MAX = 65535

interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

interface Unfinished {
  readonly pieces: Piece[]
  /** Known when the last piece is there. */
  total: number | undefined
  /** The next protocol stands in the first piece. */
  first: IpPacket | undefined
}

export class IpFragments {
  readonly #unfinished = new Map<string, Unfinished>()

  /** Returns whole packets at once, pieces when they complete one, else undefined. */
  add(packet: IpPacket): IpPacket | undefined {
    const { fragment } = packet
    if (fragment === undefined) return packet
    if (fragment.offset + packet.payload.length > PACKET_BYTES_MAX) return undefined
    const held = this.#unfinished.get(fragment.key) ?? this.#begin(fragment.key)
    if (held.pieces.length >= PIECES_MAX) return undefined
    held.pieces.push({ offset: fragment.offset, bytes: packet.payload })
    if (fragment.offset === 0) held.first = packet
    if (fragment.last) held.total = fragment.offset + packet.payload.length
    const payload = join(held)
    if (payload === undefined || held.first === undefined) return undefined
    this.#unfinished.delete(fragment.key)
    return { ...held.first, payload, fragment: undefined }
  }

  #begin(key: string): Unfinished {
    const held: Unfinished = { pieces: [], total: undefined, first: undefined }
    this.#unfinished.set(key, held)
    if (this.#unfinished.size > PACKETS_MAX) {
      for (const oldest of this.#unfinished.keys()) {
        this.#unfinished.delete(oldest)
        break
      }
    }
    return held
  }
}

function join(held: Unfinished): Uint8Array | undefined {
  const { total } = held
  if (total === undefined) return undefined
  const payload = new Uint8Array(total)
  let filled = 0
  for (const piece of [...held.pieces].sort((a, b) => a.offset - b.offset)) {
    if (piece.offset > filled) return undefined
    const from = filled - piece.offset
    if (from >= piece.bytes.length) continue
    const fresh = piece.bytes.subarray(from, from + total - filled)
    payload.set(fresh, filled)
    filled += fresh.length
  }
  return filled === total ? payload : undefined
}
