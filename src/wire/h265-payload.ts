/**
 * H.265 in RTP (RFC 7798), without DONL fields (`sprop-max-don-diff` 0, as cameras have it): which NAL units a payload holds, whole or in
 * part. Nothing is decoded.
 *
 *  0  2  forbidden bit 0 | type (6 bits) | layer (6 bits) | temporal id + 1 (3 bits)
 *        0 to 47: one NAL unit
 *        48 AP: u16 length | NAL unit, two at least
 *        49 FU: start | end | type (6 bits), then a piece
 *
 * @module
 */
import { type NalUnit, type NalUnitsRead, readAggregate } from './h264-payload.ts'

/** NAL unit types of H.265; 16 to 21 begin a picture that needs none before it. */
export const H265_NAL = { vps: 32, sps: 33, pps: 34 } as const
const AGGREGATE = 48
const FRAGMENT = 49
/** Types beyond are for RTP or nobody. */
const NAL_MAX = 47
const HEADER_BYTES = 2

/** @param payload of an RTP packet, without padding. Never throws. */
export function readH265Payload(payload: Uint8Array): NalUnitsRead {
  const type = rawType(payload)
  if (type === undefined) return { kind: 'malformed', field: 'header' }
  if (type === AGGREGATE) {
    const read = readAggregate(payload, HEADER_BYTES, unitType)
    const isAlone = read.kind === 'read' && read.units.length < 2
    return isAlone ? { kind: 'malformed', field: 'aggregate' } : read
  }
  if (type === FRAGMENT) return readFragment(payload)
  if (type > NAL_MAX) return { kind: 'malformed', field: 'type' }
  const unit: NalUnit = { type, bytes: payload, isFirst: true, isLast: true }
  return { kind: 'read', units: [unit] }
}

function readFragment(payload: Uint8Array): NalUnitsRead {
  const head = payload[HEADER_BYTES] ?? 0
  const [isFirst, isLast] = [head >= 128, (head & 64) !== 0]
  const type = head & 63
  const isWrong = payload.length < HEADER_BYTES + 2 || (isFirst && isLast) || type > NAL_MAX
  if (isWrong) return { kind: 'malformed', field: 'fragment' }
  const unit: NalUnit = { type, bytes: payload.subarray(HEADER_BYTES + 1), isFirst, isLast }
  return { kind: 'read', units: [unit] }
}

function unitType(unit: Uint8Array): number | undefined {
  const type = rawType(unit)
  return type === undefined || type > NAL_MAX ? undefined : type
}

/** undefined for what is no header: too short, the forbidden bit, temporal id 0. */
function rawType(unit: Uint8Array): number | undefined {
  const [first, second] = [unit[0] ?? 128, unit[1] ?? 0]
  return first >= 128 || (second & 7) === 0 ? undefined : first >> 1
}
