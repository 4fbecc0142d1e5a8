/**
 * One direction of a TCP connection put back in order (RFC 9293 section 3.4): segments in, bytes out,
 * each once. Bounded. For reading captures: it sees, it does not acknowledge, so what never comes is
 * given up on when too much waits behind it.
 *
 * @module
 */

/** Ours: segments and bytes kept behind a gap before the gap is given up on. */
export const SEGMENTS_WAITING_MAX = 256
export const BYTES_WAITING_MAX = 1 << 20

/** A run of new bytes. */
export interface TcpRun {
  readonly bytes: Uint8Array
  readonly at: number
  /** Bytes before this run were lost: what follows has no connection with what came before. */
  readonly afterGap: boolean
}

interface Waiting {
  readonly sequence: number
  readonly bytes: Uint8Array
  readonly at: number
}

export class TcpStream {
  /** Sequence number expected next; undefined before the first segment. */
  #next: number | undefined
  #waiting: Waiting[] = []
  #waitingBytes = 0

  /** The connection begins: data starts behind the SYN. */
  open(sequence: number): void {
    this.#next = (sequence + 1) >>> 0
    this.#waiting = []
    this.#waitingBytes = 0
  }

  /** Takes a segment. Returns the runs it makes available, in order: mostly none or one. */
  push(sequence: number, bytes: Uint8Array, at: number): TcpRun[] {
    if (bytes.length === 0) return []
    // A capture that began in the middle: the first segment seen is the beginning.
    this.#next ??= sequence
    if (distance(this.#next, sequence) > 0) {
      this.#waiting.push({ sequence, bytes, at })
      this.#waitingBytes += bytes.length
      const full =
        this.#waiting.length > SEGMENTS_WAITING_MAX || this.#waitingBytes > BYTES_WAITING_MAX
      return full ? this.flush() : []
    }
    const run = this.#fresh({ sequence, bytes, at }, false)
    return run === undefined ? [] : [run, ...this.#drain()]
  }

  /** Gives up on the gap, if there is one. Call it when the capture ends. */
  flush(): TcpRun[] {
    const runs: TcpRun[] = []
    while (this.#waiting.length > 0 && this.#next !== undefined) {
      const next = this.#next
      this.#waiting.sort((a, b) => distance(next, a.sequence) - distance(next, b.sequence))
      const first = this.#waiting.shift()
      if (first === undefined) break
      this.#waitingBytes -= first.bytes.length
      const lost = distance(next, first.sequence) > 0
      if (lost) this.#next = first.sequence
      const run = this.#fresh(first, lost)
      if (run !== undefined) runs.push(run)
      runs.push(...this.#drain())
    }
    return runs
  }

  /** The part of a segment not yet seen. */
  #fresh(segment: Waiting, afterGap: boolean): TcpRun | undefined {
    const next = this.#next ?? segment.sequence
    const known = -distance(next, segment.sequence)
    if (known >= segment.bytes.length) return undefined
    this.#next = (segment.sequence + segment.bytes.length) >>> 0
    return { bytes: segment.bytes.subarray(known), at: segment.at, afterGap }
  }

  #drain(): TcpRun[] {
    const runs: TcpRun[] = []
    for (let i = 0; i < this.#waiting.length; ) {
      const segment = this.#waiting[i]
      if (segment === undefined || distance(this.#next ?? 0, segment.sequence) > 0) {
        i++
        continue
      }
      this.#waiting.splice(i, 1)
      this.#waitingBytes -= segment.bytes.length
      const run = this.#fresh(segment, false)
      if (run !== undefined) {
        runs.push(run)
        // What waited before it in the list may fit now.
        i = 0
      }
    }
    return runs
  }
}

/** From `a` forward to `b` in 32-bit sequence space; negative when `b` lies behind. */
function distance(a: number, b: number): number {
  return (b - a) | 0
}
