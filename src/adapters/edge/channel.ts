/**
 * The client's end of a connection, as the protocols see it: TCP as it was accepted, or TLS on top
 * (`tls-session.ts`). Octets come into `OCTETS` and leave past the stream machinery where Node allows it
 * (`socket.ts`).
 *
 * @module
 */
import type net from 'node:net'
import {
  giveBackReads,
  type OnRead,
  resumeReads,
  stopReads,
  takeReads,
  type WrittenPast,
  writePast,
} from './socket.ts'

export interface Channel {
  /** What is written is encrypted, and so copied, within the call. */
  readonly encrypted: boolean
  readonly destroyed: boolean
  /** Octets that wait in the stream, for a channel that cannot be written past it. */
  readonly queued: number
  /** All that is read goes to `onRead`; again to change `onRead`. */
  takeReads(onRead: OnRead): void
  /** Something on top reads from now on: what was told where to read to may go. */
  giveBackReads(): void
  /** Stops reading outside of a read callback. */
  stopReads(): void
  /** Reads on after `onRead` returned false, or after `stopReads`. */
  resumeReads(): void
  /** Calls `listener` once the client has sent all it will send; again to change `listener`. */
  onEnd(listener: () => void): void
  /** Calls `listener` whenever what was `queued` is out. */
  onDrain(listener: () => void): void
  /** See `socket.ts`: what is pending has to be waited for before the next. */
  writePast(octets: Uint8Array, onComplete: () => void): WrittenPast
  /** By the stream, for those that cannot be written past it. */
  write(octets: Uint8Array): void
  /** Ends our side behind what was written; the client may go on sending. */
  end(): void
  /** Drops the connection once our side has ended, whatever the client does. */
  destroySoon(): void
  /** Drops the connection. A write that was pending may still be told complete. */
  destroy(): void
}

/** A Node socket. */
export class SocketChannel implements Channel {
  readonly encrypted: boolean
  readonly #socket: net.Socket
  #onEnd: (() => void) | undefined

  constructor(socket: net.Socket, encrypted = false) {
    this.#socket = socket
    this.encrypted = encrypted
  }

  get destroyed(): boolean {
    return this.#socket.destroyed
  }

  get queued(): number {
    return this.#socket.writableLength
  }

  takeReads(onRead: OnRead): void {
    takeReads(this.#socket, onRead)
  }

  giveBackReads(): void {
    giveBackReads(this.#socket)
    this.#onEnd = ignore
  }

  stopReads(): void {
    stopReads(this.#socket)
  }

  resumeReads(): void {
    resumeReads(this.#socket)
  }

  onEnd(listener: () => void): void {
    if (this.#onEnd === undefined) this.#socket.on('end', () => this.#onEnd?.())
    this.#onEnd = listener
  }

  onDrain(listener: () => void): void {
    this.#socket.on('drain', listener)
  }

  writePast(octets: Uint8Array, onComplete: () => void): WrittenPast {
    return writePast(this.#socket, octets, onComplete)
  }

  write(octets: Uint8Array): void {
    this.#socket.write(octets)
  }

  end(): void {
    this.#socket.end()
  }

  destroySoon(): void {
    this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

function ignore(): void {}
