/**
 * Packets of a stream in the order they were sent in, with what is missing between them, and what no network does to them: sequence
 * numbers far off (RFC 3550 appendix A.1), two different packets of one number. Reordered packets are waited for.
 *
 * @module
 */
import type { StreamHeader, StreamPacket } from './stream-packet.ts'

export interface OrderedPacket {
  readonly packet: StreamPacket
  /** Unwrapped: it goes on growing. */
  readonly timestamp: number
  /** Packets that are missing right before it. */
  readonly lostBefore: number
}

/**
 * `fresh`, or `swapped`: it came after later ones; `copy`: seen before; `clash`: another packet of its number was seen before; `late`: its turn
 * is over; `stray`: its number is nowhere near; `jump`: the second such in a row, and numbers go on from there; `outage`: the same, and as
 * much time went by in RTP as on the clock.
 */
export type Arrival = 'fresh' | 'swapped' | 'copy' | 'clash' | 'late' | 'stray' | 'jump' | 'outage'

/** What SRTP would still take (`keys/device/packet-window.ts`). */
const BACK_MAX = 1024
const SEQUENCES = 65_536
/** RFC 3550 appendix A.1: MAX_DROPOUT. */
const AHEAD_MAX = 3000
/** Jitter of a bad mobile path; a packet that is later than this is lost to a player too. */
const WAIT_MS = 150
/** Packets that wait: 20 Mbit/s for {@link WAIT_MS}. */
const WAITING_MAX = 512
/** It takes longer to lose {@link AHEAD_MAX} packets. */
const OUTAGE_MIN_MS = 1_000
/** How far the clocks of RTP and here may be apart after an outage. */
const OUTAGE_ERROR_MS = 2_000
export const RTP_CLOCK_HZ = 90_000

export class PacketOrder {
  /** By unwrapped number. */
  readonly #waiting = new Map<number, StreamPacket>()
  /** Marks of the last {@link BACK_MAX} packets, by number. */
  readonly #marks: (number | undefined)[] = new Array<undefined>(BACK_MAX)
  #next: number | undefined
  #highest = 0
  #highestAtMs = 0
  #highestTimestamp = 0
  #timestamp = 0
  #strayNext = -1

  /** Takes a packet. What is ready by it comes from {@link ready}. */
  meet(packet: StreamPacket): Arrival {
    if (this.#next === undefined) this.#begin(packet)
    const ahead = ((packet.sequence - this.#highest) << 16) >> 16
    if (ahead > AHEAD_MAX || ahead <= -BACK_MAX) return this.#meetStray(packet)
    this.#strayNext = -1
    const index = this.#highest + ahead
    const slot = index & (BACK_MAX - 1)
    const mark = markOf(packet)
    if (ahead > 0) for (let i = this.#highest + 1; i < index; i++) this.#unmark(i)
    else if (this.#marks[slot] !== undefined) return this.#marks[slot] === mark ? 'copy' : 'clash'
    this.#marks[slot] = mark
    if (ahead > 0) this.#lead(packet, index)
    if (index < (this.#next ?? index)) return 'late'
    this.#waiting.set(index, packet)
    return ahead < 0 ? 'swapped' : 'fresh'
  }

  /** RTP time behind the newest packet. */
  behindMs({ timestamp }: StreamHeader): number {
    return (((this.#highestTimestamp - timestamp) | 0) / RTP_CLOCK_HZ) * 1000
  }

  /** Another packet of this number was taken. */
  isClash(header: StreamHeader): boolean {
    const ahead = ((header.sequence - this.#highest) << 16) >> 16
    if (ahead > 0 || ahead <= -BACK_MAX) return false
    const mark = this.#marks[(this.#highest + ahead) & (BACK_MAX - 1)]
    return mark !== undefined && mark !== markOf(header)
  }

  /** What can go on: in a row, or waited for long enough. */
  *ready(nowMs: number): Generator<OrderedPacket> {
    let lostBefore = 0
    while (this.#waiting.size > 0 && this.#next !== undefined) {
      const packet = this.#waiting.get(this.#next)
      if (packet !== undefined) {
        this.#waiting.delete(this.#next++)
        this.#timestamp += (packet.timestamp - this.#timestamp) | 0
        yield { packet, timestamp: this.#timestamp, lostBefore }
        lostBefore = 0
        continue
      }
      const first = lostBefore > 0 ? undefined : this.#oldestAtMs()
      if (first !== undefined && nowMs - first < WAIT_MS && this.#waiting.size < WAITING_MAX) return
      lostBefore++
      this.#next++
    }
  }

  #begin(packet: StreamPacket): void {
    // Above 0 for all that is compared with it.
    this.#next = packet.sequence + SEQUENCES
    this.#timestamp = packet.timestamp
    this.#lead(packet, this.#next)
  }

  #lead(packet: StreamPacket, index: number): void {
    this.#highest = index
    this.#highestAtMs = packet.atMs
    this.#highestTimestamp = packet.timestamp
  }

  #unmark(index: number): void {
    this.#marks[index & (BACK_MAX - 1)] = undefined
  }

  /** A map goes in the order of arrival. */
  #oldestAtMs(): number {
    const [oldest] = this.#waiting.values()
    return oldest?.atMs ?? 0
  }

  #meetStray(packet: StreamPacket): Arrival {
    const isNext = packet.sequence === this.#strayNext
    this.#strayNext = (packet.sequence + 1) & 0xffff
    if (!isNext) return 'stray'
    const wentByMs = packet.atMs - this.#highestAtMs
    const inRtpMs = (((packet.timestamp - this.#highestTimestamp) | 0) / RTP_CLOCK_HZ) * 1000
    const isOutage = wentByMs > OUTAGE_MIN_MS && Math.abs(inRtpMs - wentByMs) < OUTAGE_ERROR_MS
    this.#marks.fill(undefined)
    this.#waiting.clear()
    this.#strayNext = -1
    this.#begin(packet)
    this.#marks[this.#highest & (BACK_MAX - 1)] = markOf(packet)
    this.#waiting.set(this.#highest, packet)
    return isOutage ? 'outage' : 'jump'
  }
}

/** Two packets of one number are copies when these are the same. */
function markOf({ timestamp, bytes, marker }: StreamHeader): number {
  return ((timestamp * 31 + bytes) * 2 + (marker ? 1 : 0)) >>> 0
}
