/**
 * What the behavior of a video source is read from: of each RTP packet its arrival, its header, and the headers of its NAL units. No
 * picture is decoded, and nothing of one is kept; of parameter sets there is a hash.
 *
 * @module
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../ground/hex.ts'
import { type NalUnit, readH264Payload } from '../../wire/h264-payload.ts'
import { readH265Payload } from '../../wire/h265-payload.ts'
import { RTP_FIXED_BYTES, type RtpPacket } from '../../wire/rtp-packet.ts'
import { readUserData } from '../../wire/user-data-message.ts'

export type VideoCodec = 'h264' | 'h265'

/** A NAL unit, or the piece of one that a packet holds. */
export interface SeenUnit {
  readonly kind: 'key' | 'picture' | 'parameters' | 'other'
  /** Of H.264 table 7-1, of H.265 table 7-1. */
  readonly type: number
  /** No other picture needs it: `nal_ref_idc` 0 in H.264, a type of even number below 16 in H.265 (table 7-1). */
  readonly isDisposable: boolean
  readonly isFirst: boolean
  readonly isLast: boolean
  /** Of a whole parameter set: {@link HASH_CHARS} of its SHA-256. */
  readonly hash: string | undefined
  /** Behind its header: of a slice that begins the first {@link HEAD_BYTES}, of a whole parameter set all. */
  readonly head: Uint8Array | undefined
  /** Of a message in which an encoder says what it is: the UUID and {@link HASH_CHARS} of the SHA-256 of its words. */
  readonly said: string | undefined
}

/** What SRTP leaves in the clear, and the length that a packet has without it. */
export interface StreamHeader {
  /** Whole. */
  readonly bytes: number
  readonly sequence: number
  readonly timestamp: number
  readonly marker: boolean
}

export interface StreamPacket extends StreamHeader {
  /** When it arrived. */
  readonly atMs: number
  readonly ssrc: number
  readonly payloadType: number
  /** undefined: the payload is none of this codec. */
  readonly units: readonly SeenUnit[] | undefined
}

/** 64 bits: a second preimage is out of reach of whoever wants his parameter sets to look like others. */
export const HASH_CHARS = 16
export const UUID_CHARS = 32
/** The numbers at the beginning of a slice end before. */
const HEAD_BYTES = 24
const SET_BYTES_MAX = 1024

const H264_SLICES_MAX = 5
const H264_PARAMETERS: ReadonlySet<number> = new Set([7, 8, 13, 15])
const H265_KEYS: ReadonlySet<number> = new Set([16, 17, 18, 19, 20, 21])
const H265_SLICES_MAX = 31
const H265_PARAMETERS: ReadonlySet<number> = new Set([32, 33, 34])
const H264_KEY = 5
/** Supplemental enhancement information, of H.265 the one before the picture. */
const SEI: Readonly<Record<VideoCodec, number>> = { h264: 6, h265: 39 }
const HEADER_BYTES: Readonly<Record<VideoCodec, number>> = { h264: 1, h265: 2 }

/** Never throws. @param atMs arrival, on any clock that does not jump */
export function seeStreamPacket(codec: VideoCodec, rtp: RtpPacket, atMs: number): StreamPacket {
  const { payload, sequence, timestamp, marker, ssrc, payloadType } = rtp
  const read = codec === 'h264' ? readH264Payload(payload) : readH265Payload(payload)
  const units =
    read.kind === 'malformed'
      ? undefined
      : read.units.map((unit) => seeUnit(codec, unit, (payload[0] ?? 0) >> 5))
  const extensionBytes = rtp.extension === undefined ? 0 : 4 + rtp.extension.data.length
  const headBytes = RTP_FIXED_BYTES + 4 * rtp.csrcs.length + extensionBytes
  const bytes = headBytes + payload.length + rtp.paddingBytes
  return { atMs, bytes, sequence, timestamp, marker, ssrc, payloadType, units }
}

function seeUnit(codec: VideoCodec, unit: NalUnit, packetImportance: number): SeenUnit {
  const { type, isFirst, isLast, bytes } = unit
  const kind = codec === 'h264' ? h264Kind(type) : h265Kind(type)
  const isWhole = isFirst && isLast
  // The first octet of a fragment has the importance of its unit (RFC 6184 section 5.8), that of an aggregate the highest in it.
  const importance = isWhole ? ((bytes[0] ?? 0) >> 5) & 3 : packetImportance & 3
  const isDisposable = codec === 'h264' ? importance === 0 : type < 16 && type % 2 === 0
  const hash = kind === 'parameters' && isWhole ? hashOf(bytes) : undefined
  // Of a fragment there is no header.
  const body = isWhole ? bytes.subarray(HEADER_BYTES[codec]) : bytes
  const isSlice = kind === 'key' || kind === 'picture'
  const length = isSlice ? HEAD_BYTES : SET_BYTES_MAX
  const hasHead = (isSlice && isFirst) || hash !== undefined
  const head = hasHead ? Uint8Array.from(body.subarray(0, length)) : undefined
  const said = isWhole && type === SEI[codec] ? saidIn(body) : undefined
  return { kind, type, isDisposable, isFirst, isLast, hash, head, said }
}

function saidIn(sei: Uint8Array): string | undefined {
  const data = readUserData(sei)
  if (data === undefined) return undefined
  const uuid = toHex(data.subarray(0, UUID_CHARS / 2))
  return `${uuid}${hashOf(data.subarray(UUID_CHARS / 2))}`
}

function hashOf(bytes: Uint8Array): string {
  return toHex(sha256(bytes)).slice(0, HASH_CHARS)
}

function h264Kind(type: number): SeenUnit['kind'] {
  if (type === H264_KEY) return 'key'
  if (type <= H264_SLICES_MAX) return 'picture'
  return H264_PARAMETERS.has(type) ? 'parameters' : 'other'
}

function h265Kind(type: number): SeenUnit['kind'] {
  if (H265_KEYS.has(type)) return 'key'
  if (type <= H265_SLICES_MAX) return 'picture'
  return H265_PARAMETERS.has(type) ? 'parameters' : 'other'
}
