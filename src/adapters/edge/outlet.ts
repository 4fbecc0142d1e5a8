/**
 * Where octets leave to a client: past the stream of a socket (`socket.ts` says when that is possible),
 * with a queue of our own. The stream would do the same with a state machine, a tick and three more
 * calls per write: a twentieth of the CPU of a small request over TLS.
 *
 * Over TLS a write completes in the next turn of the event loop at the earliest, and only one may be in
 * flight; what comes meanwhile is gathered into one.
 *
 * @module
 */
import type { Channel } from './channel.ts'
import { keep, OCTETS } from './octets.ts'

/** As much as one read, and a head before it. */
const SCRATCH_BYTES = OCTETS.length
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

export class Outlet {
  readonly #channel: Channel
  /** Called when nothing waits any more, after something did. Over TLS that is after every write. */
  onDrain: () => void
  #inFlight = 0
  #queue: Buffer[] = []
  #queued = 0
  #ending = false
  /** Decided by the first write: a channel is written past its stream always or never. */
  #past: boolean | undefined

  constructor(channel: Channel, onDrain: () => void) {
    this.#channel = channel
    this.onDrain = onDrain
    channel.onDrain(() => this.onDrain())
  }

  /** Octets written but not yet taken by the kernel, as far as we know. */
  get waiting(): number {
    return this.#past === true ? this.#inFlight + this.#queued : this.#channel.queued
  }

  /** Over TLS: what is written now is encrypted, and so copied, within the call. */
  get copiesAtOnce(): boolean {
    return this.waiting === 0
  }

  write(octets: Buffer): void {
    if (this.#inFlight > 0) {
      this.#queue.push(octets)
      this.#queued += octets.length
    } else this.#send(octets)
  }

  /** Writes `OCTETS[from..to)`, which the caller may change as soon as this returns. */
  writeRange(from: number, to: number): void {
    if (this.waiting > 0 || this.#past === false) this.write(keep(from, to))
    else if (this.#channel.encrypted) this.#send(viewOf(OCTETS, from, to))
    else this.#sendCopied(from, to)
  }

  /**
   * Plain TCP takes nearly every write at once, and what it copied from is free again; only a write that
   * is left pending keeps it.
   */
  #sendCopied(from: number, to: number): void {
    OCTETS.copy(scratch, 0, from, to)
    const used = scratch
    this.#send(viewOf(used, 0, to - from))
    if (this.waiting > 0 && scratch === used) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  }

  /** Ends the connection once everything is out, and drops it then: the client has no say in it. */
  endSoon(): void {
    if (this.waiting === 0 && this.#past === true) {
      this.#channel.destroy()
      return
    }
    this.end()
    this.#channel.destroySoon()
  }

  /** Ends the connection once everything is out. */
  end(): void {
    this.#ending = true
    if (this.#inFlight === 0) this.#channel.end()
  }

  #send(octets: Uint8Array): void {
    if (this.#past !== false) {
      // Before the call: it may complete within.
      this.#inFlight = octets.length
      const written = this.#channel.writePast(octets, this.#onWritten)
      if (written !== 'unable') {
        this.#past = true
        if (written === 'done') this.#inFlight = 0
        return
      }
      this.#inFlight = 0
      if (this.#past === true) return
      this.#past = false
    }
    this.#channel.write(octets)
  }

  readonly #onWritten = (): void => {
    this.#inFlight = 0
    while (this.#queue.length > 0 && this.#inFlight === 0) {
      const [first = NOTHING] = this.#queue
      const octets = this.#queue.length === 1 ? first : Buffer.concat(this.#queue, this.#queued)
      this.#queue = []
      this.#queued = 0
      this.#send(octets)
    }
    if (this.#inFlight > 0) return
    if (this.#ending) this.#channel.end()
    else this.onDrain()
  }
}

/** Half the cost of `subarray`; `octets` begins where its memory does. */
function viewOf(octets: Buffer, from: number, to: number): Uint8Array {
  return new Uint8Array(octets.buffer, from, to - from)
}

const NOTHING = Buffer.alloc(0)
