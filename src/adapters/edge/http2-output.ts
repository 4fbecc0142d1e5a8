/**
 * What an HTTP/2 connection writes: frames are gathered and written once per turn of the event loop, so
 * that the answers to many streams share one TLS record and one system call.
 *
 * @module
 */
import type { Outlet } from './outlet.ts'

/** Holds two full frames, or the heads and bodies of a dozen small responses. */
const BUFFER_BYTES = 36_864
/** Buffers kept for reuse, per worker. */
const SPARE_MAX = 64
const spare: Buffer[] = []

export class Http2Output {
  /** Where to write now; valid after {@link room}. */
  buffer: Buffer = NONE
  /** Octets used of it. */
  used = 0
  readonly #outlet: Outlet
  readonly #onWrite: (bytes: number) => void
  #scheduled = false
  #closed = false

  constructor(outlet: Outlet, onWrite: (bytes: number) => void) {
    this.#outlet = outlet
    this.#onWrite = onWrite
  }

  /** Makes room for `bytes` (at most one full frame and its header) behind `used`. */
  room(bytes: number): void {
    if (this.buffer === NONE) this.buffer = spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    else if (this.used + bytes > BUFFER_BYTES) {
      this.flush()
      this.buffer = spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    }
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#onImmediate)
  }

  readonly #onImmediate = (): void => {
    this.#scheduled = false
    this.flush()
  }

  flush(): void {
    const { buffer, used } = this
    if (used === 0) return
    this.buffer = NONE
    this.used = 0
    if (this.#closed) return
    // TLS encrypts, and so copies, at once when nothing waits before; else the outlet keeps the buffer.
    const copied = this.#outlet.copiesAtOnce
    this.#outlet.write(buffer.subarray(0, used))
    this.#onWrite(used)
    if (copied && spare.length < SPARE_MAX) spare.push(buffer)
  }

  close(): void {
    this.flush()
    this.#closed = true
  }
}

const NONE = Buffer.alloc(0)
