/**
 * H.264 in RTP (RFC 6184, packetization modes 0 and 1): which NAL units a payload holds, whole or in part. Nothing is decoded.
 *
 *  0  1  forbidden bit 0 | importance (2 bits) | type (5 bits)
 *        1 to 23: one NAL unit
 *        24 STAP-A: u16 length | NAL unit, as often as there is room
 *        28 FU-A: start | end | 0 | type (5 bits), then a piece
 *
 * @module
 */
import { u16 } from './big-endian.ts'

/** A NAL unit of H.264 or H.265, or a piece of one. */
export interface NalUnit {
  /** Of H.264 table 7-1, of H.265 table 7-1. */
  readonly type: number
  /** With its header; of a piece what the packet holds, and of one that is not the first without a header. A view. */
  readonly bytes: Uint8Array
  readonly isFirst: boolean
  readonly isLast: boolean
}

export type NalUnitsRead =
  | { readonly kind: 'read'; readonly units: readonly NalUnit[] }
  | { readonly kind: 'malformed'; readonly field: string }

/** NAL unit types of H.264. */
export const H264_NAL = { slice: 1, idr: 5, sei: 6, sps: 7, pps: 8 } as const
const STAP_A = 24
const FU_A = 28
/** Types beyond are for aggregates and fragments of RTP. */
const NAL_MAX = 23

/** @param payload of an RTP packet, without padding. Never throws. */
export function readH264Payload(payload: Uint8Array): NalUnitsRead {
  const malformed = (field: string): NalUnitsRead => ({ kind: 'malformed', field })
  const first = payload[0]
  if (first === undefined || first >= 128) return malformed('header')
  const type = first & 31
  if (type === STAP_A) return readAggregate(payload, 1, h264Type)
  if (type === FU_A) return readFragment(payload)
  if (type === 0 || type > NAL_MAX) return malformed('type')
  const unit: NalUnit = { type, bytes: payload, isFirst: true, isLast: true }
  return { kind: 'read', units: [unit] }
}

function readFragment(payload: Uint8Array): NalUnitsRead {
  const head = payload[1] ?? 0
  const [isFirst, isLast] = [head >= 128, (head & 64) !== 0]
  const type = head & 31
  // One that is whole is no fragment (section 5.8).
  const isWrong = payload.length < 3 || (isFirst && isLast) || (head & 32) !== 0
  if (isWrong || type === 0 || type > NAL_MAX) return { kind: 'malformed', field: 'fragment' }
  const unit: NalUnit = { type, bytes: payload.subarray(2), isFirst, isLast }
  return { kind: 'read', units: [unit] }
}

/**
 * NAL units with their lengths before them: STAP-A, and AP of H.265.
 *
 * @param typeOf undefined for what may not be in it
 */
export function readAggregate(
  payload: Uint8Array,
  from: number,
  typeOf: (unit: Uint8Array) => number | undefined,
): NalUnitsRead {
  const units: NalUnit[] = []
  for (let at = from; at < payload.length; ) {
    const end = at + 2 + u16(payload, at)
    const bytes = payload.subarray(at + 2, end)
    const type = end > payload.length ? undefined : typeOf(bytes)
    if (type === undefined) return { kind: 'malformed', field: 'aggregate' }
    units.push({ type, bytes, isFirst: true, isLast: true })
    at = end
  }
  return units.length === 0 ? { kind: 'malformed', field: 'aggregate' } : { kind: 'read', units }
}

function h264Type(unit: Uint8Array): number | undefined {
  const first = unit[0] ?? 128
  const type = first & 31
  return first >= 128 || type === 0 || type > NAL_MAX ? undefined : type
}
