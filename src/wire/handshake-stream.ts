/**
 * Pieces of a handshake byte stream, each with its offset, put together into handshake messages
 * (RFC 8446 section 4: type, 24-bit length, body). For QUIC CRYPTO frames. Bounded; what came first
 * stays, what overlaps is left out.
 *
 * @module
 */
import { u24 } from './big-endian.ts'

/** Ours: a ClientHello of the largest size, and a second one. */
export const HANDSHAKE_STREAM_BYTES_MAX = 131_072

const HEADER_BYTES = 4

export interface HandshakeMessage {
  readonly type: number
  /** The message with its header. */
  readonly bytes: Uint8Array
}

export class HandshakeStream {
  #bytes = new Uint8Array(4096)
  #filled = new Uint8Array(4096)
  /** Bytes from the start with no hole. */
  #contiguous = 0
  #readUpTo = 0

  /** Adds a piece; returns the messages it completes. */
  add(offset: number, piece: Uint8Array): HandshakeMessage[] {
    const end = offset + piece.length
    if (end > HANDSHAKE_STREAM_BYTES_MAX) return []
    this.#makeRoom(end)
    for (let i = 0; i < piece.length; i++) {
      if (this.#filled[offset + i] === 1) continue
      this.#filled[offset + i] = 1
      this.#bytes[offset + i] = piece[i] ?? 0
    }
    while (this.#filled[this.#contiguous] === 1) this.#contiguous++
    return this.#take()
  }

  #take(): HandshakeMessage[] {
    const messages: HandshakeMessage[] = []
    while (this.#contiguous - this.#readUpTo >= HEADER_BYTES) {
      const end = this.#readUpTo + HEADER_BYTES + u24(this.#bytes, this.#readUpTo + 1)
      if (end > this.#contiguous) break
      const type = this.#bytes[this.#readUpTo] ?? 0
      messages.push({ type, bytes: this.#bytes.slice(this.#readUpTo, end) })
      this.#readUpTo = end
    }
    return messages
  }

  #makeRoom(size: number): void {
    if (size <= this.#bytes.length) return
    const room = Math.max(size, this.#bytes.length * 2)
    const bytes = new Uint8Array(room)
    bytes.set(this.#bytes)
    this.#bytes = bytes
    const filled = new Uint8Array(room)
    filled.set(this.#filled)
    this.#filled = filled
  }
}
