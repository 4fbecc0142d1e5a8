/**
 * RTP packets (RFC 3550 section 5.1) with header extensions (RFC 8285). Where header, payload and padding are; what is in
 * the payload is read by `h264-payload.ts` and `h265-payload.ts`, and what SRTP makes of a packet is `adapters/media/srtp.ts`.
 *
 *  0  1  version 2 | padding | extension | number of CSRCs (4 bits)
 *  1  1  marker | payload type (7 bits)
 *  2  2  sequence number
 *  4  4  timestamp
 *  8  4  SSRC
 * 12     CSRCs, then u16 profile | u16 length in words | extension
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'

export interface RtpPacket {
  readonly marker: boolean
  readonly payloadType: number
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly csrcs: readonly number[]
  readonly extension: RtpExtension | undefined
  /** Without padding. A view of what was read. */
  readonly payload: Uint8Array
  readonly paddingBytes: number
}

export interface RtpExtension {
  readonly profile: number
  /** Whole words. */
  readonly data: Uint8Array
}

export type RtpPacketRead =
  | { readonly kind: 'read'; readonly packet: RtpPacket }
  | { readonly kind: 'malformed'; readonly field: string }

export const RTP_FIXED_BYTES = 12
/** What a UDP datagram over IPv4 holds (RFC 768, RFC 791). */
export const DATAGRAM_BYTES_MAX = 65_507
const VERSION = 2
const CSRC_BYTES = 4

/**
 * Octets of the header of a packet that ends at `end`: 0 when there is no whole one. Reads nothing else: it is on the way of each
 * packet.
 */
export function rtpHeaderBytes(bytes: Uint8Array, end: number): number {
  const first = bytes[0] ?? 0
  if (first >> 6 !== VERSION || end > bytes.length) return 0
  let size = RTP_FIXED_BYTES + CSRC_BYTES * (first & 15)
  if ((first & 16) !== 0) {
    if (size + 4 > end) return 0
    size += 4 + 4 * u16(bytes, size + 2)
  }
  return size <= end ? size : 0
}

/** RTP and RTCP on one port (RFC 5761 section 4): what would be payload types 64 to 95 are RTCP's types. */
export function isRtcp(bytes: Uint8Array): boolean {
  const type = bytes[1] ?? 0
  return type >= 192 && type <= 223
}

/** Reads a whole packet; its parts are views of `bytes`. Never throws. */
export function readRtpPacket(bytes: Uint8Array): RtpPacketRead {
  const malformed = (field: string): RtpPacketRead => ({ kind: 'malformed', field })
  if (bytes.length > DATAGRAM_BYTES_MAX) return malformed('size')
  const first = bytes[0] ?? 0
  if (first >> 6 !== VERSION) return malformed('version')
  if (isRtcp(bytes)) return malformed('payloadType')
  const size = rtpHeaderBytes(bytes, bytes.length)
  if (size === 0) return malformed('header')
  const csrcs = Array.from({ length: first & 15 }, (_, i) =>
    u32(bytes, RTP_FIXED_BYTES + CSRC_BYTES * i),
  )
  const extensionAt = RTP_FIXED_BYTES + CSRC_BYTES * csrcs.length
  const hasExtension = (first & 16) !== 0
  const hasPadding = (first & 32) !== 0
  const paddingBytes = hasPadding ? (bytes[bytes.length - 1] ?? 0) : 0
  const isPaddingWrong = hasPadding && paddingBytes === 0
  if (isPaddingWrong || size + paddingBytes > bytes.length) return malformed('padding')
  const second = bytes[1] ?? 0
  const packet: RtpPacket = {
    marker: second >= 128,
    payloadType: second & 127,
    sequence: u16(bytes, 2),
    timestamp: u32(bytes, 4),
    ssrc: u32(bytes, 8),
    csrcs,
    extension: hasExtension
      ? { profile: u16(bytes, extensionAt), data: bytes.subarray(extensionAt + 4, size) }
      : undefined,
    payload: bytes.subarray(size, bytes.length - paddingBytes),
    paddingBytes,
  }
  return { kind: 'read', packet }
}

const ONE_BYTE_PROFILE = 0xbede
/** The low four bits are for applications. */
const TWO_BYTE_PROFILE = 0x100

/**
 * Elements of an extension by their ids (RFC 8285 sections 4.2, 4.3), one of each id, the last. Undefined for another profile or an
 * element that is cut short.
 */
export function readRtpExtensions({
  profile,
  data,
}: RtpExtension): ReadonlyMap<number, Uint8Array> | undefined {
  const isOneByte = profile === ONE_BYTE_PROFILE
  if (!isOneByte && profile >> 4 !== TWO_BYTE_PROFILE) return undefined
  const elements = new Map<number, Uint8Array>()
  for (let at = 0; at < data.length; ) {
    const first = data[at] ?? 0
    // An octet of padding.
    if (first === 0) {
      at++
      continue
    }
    const id = isOneByte ? first >> 4 : first
    // Id 15 of the short form: what follows is for later standards.
    if (isOneByte && id === 15) break
    const from = at + (isOneByte ? 1 : 2)
    const length = isOneByte ? (first & 15) + 1 : (data[at + 1] ?? data.length)
    if (from + length > data.length || (isOneByte && id === 0)) return undefined
    elements.set(id, data.subarray(from, from + length))
    at = from + length
  }
  return elements
}
