/**
 * One watch over the stream of each device of a transport (`behavior/device/stream-watch.ts`). What a source is like is learned at each start.
 *
 * @module
 */
import type { StreamHeader, VideoCodec } from '../../behavior/device/stream-packet.ts'
import { seeStreamPacket } from '../../behavior/device/stream-packet.ts'
import { type StreamVerdict, StreamWatch } from '../../behavior/device/stream-watch.ts'
import type { Random } from '../../ground/random.ts'
import { u16, u32 } from '../../wire/big-endian.ts'
import { readRtpPacket } from '../../wire/rtp-packet.ts'
import type { TransportWatch } from './media-transport.ts'

/** What SRTP adds (`docs/wire/device-keys.md`). */
const SRTP_BYTES = 20

export class StreamWatches implements TransportWatch {
  readonly #codec: VideoCodec
  readonly #random: Random
  readonly #anomalous: (device: string, why: string) => void
  readonly #watches = new Map<string, StreamWatch>()

  /** @param anomalous another key is due; why, in short */
  constructor(codec: VideoCodec, random: Random, anomalous: (device: string, why: string) => void) {
    this.#codec = codec
    this.#random = random
    this.#anomalous = anomalous
  }

  meet(device: string, packet: Uint8Array): void {
    const read = readRtpPacket(packet)
    if (read.kind === 'malformed') return
    const seen = seeStreamPacket(this.#codec, read.packet, performance.now())
    this.#judge(device, this.#watchOf(device).meet(seen))
  }

  refuse(device: string, why: 'auth' | 'replay', packet: Uint8Array): void {
    const header: StreamHeader = {
      ...{ bytes: packet.length - SRTP_BYTES, sequence: u16(packet, 2) },
      ...{ timestamp: u32(packet, 4), marker: (packet[1] ?? 0) >= 128 },
    }
    this.#judge(device, this.#watchOf(device).refuse(why, performance.now(), header))
  }

  #judge(device: string, verdict: StreamVerdict | undefined): void {
    if (verdict?.rotate !== true) return
    const why = verdict.reasons.map(({ what }) => what).join(', ')
    this.#anomalous(device, why)
  }

  #watchOf(device: string): StreamWatch {
    const known = this.#watches.get(device)
    if (known !== undefined) return known
    const watch = new StreamWatch({
      ...{ codec: this.#codec, random: this.#random, baseline: undefined, hasRhythm: false },
      ...{ now: () => Date.now(), identityLimit: () => 1 },
    })
    this.#watches.set(device, watch)
    return watch
  }
}
