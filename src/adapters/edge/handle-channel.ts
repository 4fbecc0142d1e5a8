/**
 * A {@link Channel} on the native end of a connection, TCP or TLS, without a stream on top of it.
 *
 * @module
 */
import type { Channel } from './channel.ts'
import {
  lengthRead,
  type NativeStreams,
  type ShutdownRequest,
  type StreamHandle,
} from './native-streams.ts'
import { READ_AT, READ_VIEW } from './octets.ts'
import { type OnRead, type WrittenPast, writeToHandle } from './socket.ts'

/** What libuv calls the end of a stream. */
const UV_EOF = -4095
/** What `shutdown` returns when it is complete already. */
const COMPLETE = 1

/** Whose channel it is. */
export interface ChannelOwner {
  readonly destroyed: boolean
  destroy(): void
  /** What the client sends has ended or broken off: true when there is nothing more to be done about it. */
  isOver(): boolean
}

export class HandleChannel implements Channel {
  readonly encrypted: boolean
  readonly queued = 0
  readonly #handle: StreamHandle
  readonly #streams: NativeStreams
  readonly #owner: ChannelOwner
  #onRead: OnRead = ignore
  #onEnd: () => void = ignore
  #clientEnded = false
  /** Nothing is written behind the end: `shut` once that is on its way. */
  #ending = false
  #shut = false
  #isLast = false

  constructor(
    handle: StreamHandle,
    streams: NativeStreams,
    owner: ChannelOwner & { readonly encrypted: boolean },
  ) {
    this.#handle = handle
    this.#streams = streams
    this.#owner = owner
    this.encrypted = owner.encrypted
    handle.channel = this
    handle.onread = onRead
    handle.useUserBuffer(READ_VIEW)
  }

  get destroyed(): boolean {
    return this.#owner.destroyed
  }

  destroy(): void {
    this.#owner.destroy()
  }

  takeReads(onRead: OnRead): void {
    this.#onRead = onRead
  }

  giveBackReads(): void {
    this.#onRead = ignore
    this.#onEnd = ignore
  }

  stopReads(): void {
    if (!this.destroyed) this.#handle.readStop()
  }

  resumeReads(): void {
    if (!this.destroyed) this.#handle.readStart()
  }

  onEnd(listener: () => void): void {
    this.#onEnd = listener
  }

  onDrain(): void {
    // Nothing is ever `queued`.
  }

  writePast(octets: Uint8Array, onComplete: () => void): WrittenPast {
    if (this.destroyed || this.#ending) return 'unable'
    return writeToHandle(this.#handle, octets, this, onComplete)
  }

  write(): void {
    // Only after the end, as with any stream: nobody is there to read it.
  }

  end(): void {
    if (this.#ending || this.destroyed) return
    this.#ending = true
    const request = new this.#streams.ShutdownWrap()
    request.handle = this.#handle
    request.channel = this
    request.oncomplete = onShut
    const status = this.#handle.shutdown(request)
    if (status === COMPLETE) this.onShut()
    else if (status < 0) this.destroy()
  }

  destroySoon(): void {
    this.#isLast = true
    if (this.#shut) this.destroy()
  }

  /** @param length octets in `OCTETS`, or an error below 0 */
  read(length: number): void {
    if (this.destroyed || length === 0) return
    if (length > 0) {
      if (!this.#onRead(READ_AT, READ_AT + length)) this.stopReads()
    } else if (this.#owner.isOver()) return
    else if (length !== UV_EOF) this.destroy()
    else if (!this.#clientEnded) {
      this.#clientEnded = true
      if (this.#shut) this.destroy()
      else this.#onEnd()
    }
  }

  /** Its end is on its way. */
  onShut(): void {
    this.#shut = true
    if (this.#clientEnded || this.#isLast) this.destroy()
  }
}

function onRead(this: StreamHandle): void {
  this.channel.read(lengthRead())
}

// Shared by all (`onWritten` in `socket.ts` says why).
function onShut(this: ShutdownRequest): void {
  this.channel.onShut()
}

function ignore(): boolean {
  return true
}
