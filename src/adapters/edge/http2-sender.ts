/**
 * What leaves on one HTTP/2 stream: HEADERS, with CONTINUATIONs where they are long, and DATA within the client's
 * windows; what no window has room for waits.
 *
 * @module
 */
import * as h2 from '../../wire/http2-frame.ts'
import type { Http2Connection } from './http2-connection.ts'
import { OCTETS } from './octets.ts'

/** Of a header block, for fields that are not counted: the status and a change of the table's size. */
const BLOCK_ROOM = 64

export class Http2Sender {
  /** What the client lets us send on this stream. */
  window: number
  /** END_STREAM has been said. */
  isEnded = false
  readonly #id: number
  readonly #connection: Http2Connection
  #queue: Buffer[] = []
  #queued = 0

  constructor(id: number, connection: Http2Connection) {
    this.#id = id
    this.#connection = connection
    this.window = connection.streamWindow
  }

  /** Octets that wait for a window. */
  get waiting(): number {
    return this.#queued
  }

  /**
   * A header block.
   *
   * @param textBytes of the fields: twice as much is room enough for any coding of them
   * @param encode writes the fields; returns where they end
   */
  headers(textBytes: number, ends: boolean, encode: (out: Uint8Array, at: number) => number): void {
    const { output, encoder } = this.#connection
    const room = BLOCK_ROOM + 2 * textBytes
    const block = room > h2.FRAME_BYTES_MAX ? Buffer.allocUnsafe(room) : undefined
    if (block === undefined) output.room(room + h2.FRAME_HEADER_BYTES)
    const out = block ?? output.buffer
    const start = block === undefined ? output.used + h2.FRAME_HEADER_BYTES : 0
    const length = encode(out, encoder.begin(out, start)) - start
    const end = ends ? h2.END_STREAM : 0
    if (ends) this.isEnded = true
    if (block !== undefined) {
      this.#longBlock(block, length, end)
      return
    }
    const flags = h2.END_HEADERS | end
    h2.writeFrameHeader(output.buffer, output.used, length, h2.HEADERS, flags, this.#id)
    output.used += h2.FRAME_HEADER_BYTES + length
  }

  #longBlock(block: Buffer, length: number, end: number): void {
    const { output } = this.#connection
    for (let at = 0; at < length; at += h2.FRAME_BYTES_MAX) {
      const size = Math.min(h2.FRAME_BYTES_MAX, length - at)
      const flags = (at === 0 ? end : 0) | (at + size === length ? h2.END_HEADERS : 0)
      output.room(size + h2.FRAME_HEADER_BYTES)
      const type = at === 0 ? h2.HEADERS : h2.CONTINUATION
      const payload = h2.writeFrameHeader(output.buffer, output.used, size, type, flags, this.#id)
      block.copy(output.buffer, payload, at, at + size)
      output.used = payload + size
    }
  }

  /**
   * Sends as far as windows allow.
   *
   * @param last nothing comes after it
   * @param hold makes of the rest what lives on
   * @returns how much of it waits
   */
  data(
    bytes: Buffer,
    start: number,
    to: number,
    last: boolean,
    hold: (from: number, to: number) => Buffer,
  ): number {
    let from = start
    while (this.#queued === 0 && from < to) {
      const size = this.#allowed(to - from)
      if (size === 0) break
      this.#frame(bytes, from, size, last && from + size === to)
      from += size
    }
    if (from < to) {
      this.#queue.push(hold(from, to))
      this.#wait(to - from)
    }
    return to - from
  }

  /** Windows have grown or the socket has drained: sends what waits; true when nothing does any more. */
  pump(last: boolean): boolean {
    while (this.#queued > 0) {
      const piece = this.#queue[0] as Buffer
      const size = this.#allowed(piece.length)
      if (size === 0) return false
      this.#frame(piece, 0, size, last && size === this.#queued)
      this.#wait(-size)
      if (size === piece.length) this.#queue.shift()
      else this.#queue[0] = piece.subarray(size)
    }
    return true
  }

  /** Says that there is no more, if that has not been said. */
  end(): void {
    if (!this.isEnded) this.#frame(OCTETS, 0, 0, true)
  }

  /** What waits is of no use any more. */
  drop(): void {
    this.#queue = []
    this.#wait(-this.#queued)
  }

  #allowed(wanted: number): number {
    const { sendWindow, open } = this.#connection
    if (!open) return 0
    return Math.max(0, Math.min(wanted, sendWindow, this.window, h2.FRAME_BYTES_MAX))
  }

  #frame(bytes: Buffer, from: number, size: number, last: boolean): void {
    const { output } = this.#connection
    output.room(size + h2.FRAME_HEADER_BYTES)
    const flags = last ? h2.END_STREAM : 0
    const at = h2.writeFrameHeader(output.buffer, output.used, size, h2.DATA, flags, this.#id)
    bytes.copy(output.buffer, at, from, from + size)
    output.used = at + size
    this.#connection.sendWindow -= size
    this.window -= size
    if (last) this.isEnded = true
  }

  /** Counts octets that wait, on the stream and on the connection. */
  #wait(bytes: number): void {
    this.#queued += bytes
    this.#connection.queued += bytes
  }
}
