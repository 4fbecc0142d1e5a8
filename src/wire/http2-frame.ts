/**
 * HTTP/2 frames: RFC 9113 section 4.1, 6 and 7. Numbers and layouts; what they mean is spoken in
 * `adapters/edge/http2-connection.ts`.
 *
 *  0  3  length of the payload
 *  3  1  type
 *  4  1  flags
 *  5  4  R bit and stream identifier
 *  9     payload
 *
 * @module
 */
import { octetsOf } from './http-octets.ts'

export const FRAME_HEADER_BYTES = 9
/** SETTINGS_MAX_FRAME_SIZE as it is unless said otherwise; Limen never says otherwise. */
export const FRAME_BYTES_MAX = 16_384
export const PREFACE: Uint8Array = octetsOf('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
export const WINDOW_DEFAULT = 65_535
export const WINDOW_MAX = 0x7fffffff

export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PUSH_PROMISE = 5
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4
export const PADDED = 8
export const PRIORITY_FLAG = 32

export const SETTINGS_HEADER_TABLE_SIZE = 1
export const SETTINGS_ENABLE_PUSH = 2
export const SETTINGS_MAX_CONCURRENT_STREAMS = 3
export const SETTINGS_INITIAL_WINDOW_SIZE = 4
export const SETTINGS_MAX_FRAME_SIZE = 5
export const SETTINGS_MAX_HEADER_LIST_SIZE = 6

export const NO_ERROR = 0
export const PROTOCOL_ERROR = 1
export const INTERNAL_ERROR = 2
export const FLOW_CONTROL_ERROR = 3
export const STREAM_CLOSED = 5
export const FRAME_SIZE_ERROR = 6
export const REFUSED_STREAM = 7
export const CANCEL = 8
export const COMPRESSION_ERROR = 9
export const ENHANCE_YOUR_CALM = 11

export function readU24(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
  )
}

/** 32 bits, non-negative. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | readU24(bytes, at + 1)) >>> 0
}

export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Writes a frame header; returns where the payload begins. */
export function writeFrameHeader(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): number {
  bytes[at] = length >>> 16
  bytes[at + 1] = length >>> 8
  bytes[at + 2] = length
  bytes[at + 3] = type
  bytes[at + 4] = flags
  writeU32(bytes, at + 5, stream)
  return at + FRAME_HEADER_BYTES
}
