/**
 * What a capture file holds, whatever its format (`pcap.ts`, `pcapng.ts`).
 *
 * @module
 */

/** One captured packet. `bytes` is a view into the file. */
export interface CapturedPacket {
  /** LINKTYPE_ value of the interface, https://www.tcpdump.org/linktypes.html */
  readonly linkType: number
  /** Milliseconds since the Unix epoch, with a fraction; 0 when the file does not say. */
  readonly at: number
  /** What was captured: may be less than what was on the wire. */
  readonly bytes: Uint8Array
}

export interface Capture {
  readonly packets: readonly CapturedPacket[]
  /** Why reading ended before the end of the file; '' when it did not. Packets before that are good. */
  readonly damage: string
}

/** Ours: packets held at a time. At this size a file is to be cut with `editcap` first. */
export const CAPTURE_PACKETS_MAX = 10_000_000
/** libpcap refuses snapshot lengths above 256 KiB; twice that is damage for certain. */
export const PACKET_BYTES_MAX = 524_288
