/**
 * Community ID of a flow, version 1: the same string for both directions, as Zeek and Suricata write it (Corelight, Community ID Flow
 * Hashing): "1:" | base64( SHA-1( seed u16 | address | address | protocol u8 | 0 | port u16 | port u16 ) ), the smaller end first.
 *
 * @module
 */
import { sha1 } from '@noble/hashes/legacy.js'
import { encodeBase64 } from './base64.ts'
import { addressBytes } from './proxy-v2.ts'

export interface FlowPoint {
  /** IPv4 or IPv6, in text. */
  readonly address: string
  readonly port: number
}

/** Of TCP (IANA protocol numbers). */
const TCP = 6

/** '' when an address is none, or the two are of different families. */
export function communityId(one: FlowPoint, other: FlowPoint, seed = 0, protocol = TCP): string {
  const ends = [one, other].map(({ address, port }) => ({ bytes: addressBytes(address), port }))
  const [a, b] = ends
  if (a?.bytes === undefined || b?.bytes === undefined) return ''
  if (a.bytes.length !== b.bytes.length) return ''
  const order = compare(a.bytes, b.bytes) || a.port - b.port
  const [low, high] = order <= 0 ? [a, b] : [b, a]
  const hashed = Uint8Array.from([
    ...u16(seed),
    ...(low.bytes ?? []),
    ...(high.bytes ?? []),
    ...[protocol, 0],
    ...u16(low.port),
    ...u16(high.port),
  ])
  return `1:${encodeBase64(sha1(hashed))}`
}

function u16(value: number): readonly [number, number] {
  return [(value >> 8) & 255, value & 255]
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [i, octet] of one.entries()) {
    const difference = octet - (other[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
