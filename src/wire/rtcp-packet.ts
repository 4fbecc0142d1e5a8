/**
 * RTCP (RFC 3550 section 6): a datagram of several packets one after the other, as far as a transport counts it: who sends, what it
 * says it sent, who leaves. Blocks of receivers, SDES and feedback are passed over. SRTCP is `adapters/media/srtp.ts`.
 *
 *  0  1  version 2 | padding | count (5 bits)
 *  1  1  type
 *  2  2  length in words, less one
 *  4  4  SSRC of the sender, of BYE `count` of them
 *  8 20  SR: NTP time u64 | RTP timestamp | packets | octets of payload
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'
import { DATAGRAM_BYTES_MAX } from './rtp-packet.ts'

export interface RtcpCompound {
  /** Of the first packet: SRTCP knows the stream by it. */
  readonly ssrc: number
  readonly reports: readonly SenderReport[]
  /** SSRCs that leave. */
  readonly leaving: readonly number[]
}

export interface SenderReport {
  readonly ssrc: number
  /** Seconds since 1900 times 2^32. */
  readonly ntpTime: bigint
  readonly rtpTimestamp: number
  /** Since the beginning, modulo 2^32. */
  readonly packets: number
  readonly octets: number
}

export type RtcpRead =
  | { readonly kind: 'read'; readonly compound: RtcpCompound }
  | { readonly kind: 'malformed'; readonly field: string }

export const RTCP_HEAD_BYTES = 8
const RTCP_TYPE = { senderReport: 200, receiverReport: 201, bye: 203 } as const
const SENDER_REPORT_BYTES = 28

/** The checks of RFC 3550, appendix A.2; never throws. */
export function readRtcp(bytes: Uint8Array): RtcpRead {
  const malformed = (field: string): RtcpRead => ({ kind: 'malformed', field })
  if (bytes.length > DATAGRAM_BYTES_MAX || bytes.length < RTCP_HEAD_BYTES) return malformed('size')
  const first = bytes[1] ?? 0
  const isReport = first === RTCP_TYPE.senderReport || first === RTCP_TYPE.receiverReport
  if (!isReport || u16(bytes, 2) === 0) return malformed('type')
  const found: Found = { reports: [], leaving: [] }
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 * (u16(bytes, at + 2) + 1)
    const wrong = readOne(bytes, at, end, found)
    if (wrong !== undefined) return malformed(wrong)
    at = end
  }
  return { kind: 'read', compound: { ssrc: u32(bytes, 4), ...found } }
}

interface Found {
  readonly reports: SenderReport[]
  readonly leaving: number[]
}

/** What is wrong with a packet of several, undefined when nothing is. */
function readOne(bytes: Uint8Array, at: number, end: number, found: Found): string | undefined {
  const first = bytes[at] ?? 0
  const type = bytes[at + 1] ?? 0
  if (first >> 6 !== 2) return 'version'
  if (at + 4 > bytes.length || end > bytes.length) return 'length'
  // Padding is of the last packet only, and of whole words.
  if ((first & 32) !== 0 && !isPadded(bytes, at, end)) return 'padding'
  if (type === RTCP_TYPE.senderReport) {
    if (end - at < SENDER_REPORT_BYTES) return 'report'
    found.reports.push(reportAt(bytes, at))
  }
  if (type !== RTCP_TYPE.bye) return undefined
  const count = first & 31
  if (at + 4 + 4 * count > end) return 'bye'
  for (let i = 0; i < count; i++) found.leaving.push(u32(bytes, at + 4 + 4 * i))
  return undefined
}

function isPadded(bytes: Uint8Array, at: number, end: number): boolean {
  const padding = bytes[end - 1] ?? 0
  return end === bytes.length && padding > 0 && padding % 4 === 0 && padding <= end - at - 4
}

function reportAt(bytes: Uint8Array, at: number): SenderReport {
  return {
    ssrc: u32(bytes, at + 4),
    ntpTime: (BigInt(u32(bytes, at + 8)) << 32n) | BigInt(u32(bytes, at + 12)),
    rtpTimestamp: u32(bytes, at + 16),
    packets: u32(bytes, at + 20),
    octets: u32(bytes, at + 24),
  }
}
