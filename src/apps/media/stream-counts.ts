/**
 * What a transport counts of one stream, an SSRC of a device: from the headers of authentic packets and what its RTCP says.
 *
 * @module
 */
import { packetIndex } from '../../keys/device/packet-window.ts'
import { u16 } from '../../wire/big-endian.ts'
import type { SenderReport } from '../../wire/rtcp-packet.ts'

export interface StreamFigures {
  readonly ssrc: number
  readonly payloadType: number
  readonly packets: number
  /** Of whole RTP packets, without what SRTP adds. */
  readonly octets: number
  /** Times the marker was set: of video the frames (RFC 6184, RFC 7798). */
  readonly marked: number
  /** That are not here, so far. */
  readonly lost: number
  /** Came after a later one. */
  readonly reordered: number
  /** Of an earlier epoch than the newest seen. */
  readonly late: number
  /** As the sender says: RTCP. */
  readonly reportedPackets: number | undefined
}

export class StreamCounts {
  readonly #ssrc: number
  #payloadType = 0
  #packets = 0
  #octets = 0
  #marked = 0
  #reordered = 0
  #late = 0
  #first: number | undefined
  #highest: number | undefined
  #reported: number | undefined

  constructor(ssrc: number) {
    this.#ssrc = ssrc
  }

  /** @param packet RTP with a whole header */
  meet(packet: Uint8Array, isLate: boolean): void {
    const second = packet[1] ?? 0
    this.#payloadType = second & 127
    this.#packets++
    this.#octets += packet.length
    if (second >= 128) this.#marked++
    if (isLate) this.#late++
    const index = packetIndex(u16(packet, 2), this.#highest)
    if (this.#first === undefined || index < this.#first) this.#first = index
    if (this.#highest === undefined || index > this.#highest) this.#highest = index
    else this.#reordered++
  }

  report({ packets }: SenderReport): void {
    this.#reported = packets
  }

  figures(): StreamFigures {
    const span = (this.#highest ?? 0) - (this.#first ?? 0) + 1
    return {
      ...{ ssrc: this.#ssrc, payloadType: this.#payloadType, packets: this.#packets },
      ...{ octets: this.#octets, marked: this.#marked, reordered: this.#reordered },
      ...{ late: this.#late, lost: Math.max(0, span - this.#packets) },
      reportedPackets: this.#reported,
    }
  }
}
