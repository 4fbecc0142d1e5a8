/**
 * IPv4 (RFC 791) and IPv6 (RFC 8200) packets: addresses, and what they carry. Options and extension
 * headers are passed over, fragments put together, tunnels opened (`ip-tunnel.ts` says which).
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'

export interface IpPacket {
  readonly source: string
  readonly destination: string
  /** IANA protocol number of `payload`: 6 TCP, 17 UDP, 132 SCTP. */
  readonly protocol: number
  readonly payload: Uint8Array
  /** Set when this is a piece of a larger packet. */
  readonly fragment: Fragment | undefined
}

export interface Fragment {
  /** All pieces of a packet share it. */
  readonly key: string
  readonly offset: number
  readonly last: boolean
}

/** Reads the packet that begins at `at`. Undefined when it is malformed or cut off in its header. */
export function readIpPacket(bytes: Uint8Array, at: number): IpPacket | undefined {
  const version = (bytes[at] ?? 0) >> 4
  if (version === 4) return readIpv4(bytes, at)
  return version === 6 ? readIpv6(bytes, at) : undefined
}

function readIpv4(bytes: Uint8Array, at: number): IpPacket | undefined {
  const headerBytes = ((bytes[at] ?? 0) & 15) * 4
  if (headerBytes < 20 || at + headerBytes > bytes.length) return undefined
  const total = u16(bytes, at + 2)
  // Zero: the network card cut the packet into segments after it was captured.
  const end = total === 0 ? bytes.length : Math.min(bytes.length, at + total)
  if (end < at + headerBytes) return undefined
  const source = formatIpv4(bytes, at + 12)
  const destination = formatIpv4(bytes, at + 16)
  const protocol = bytes[at + 9] ?? 0
  const field = u16(bytes, at + 6)
  const offset = (field & 0x1fff) * 8
  const more = (field & 0x2000) !== 0
  const key = `${source} ${destination} ${protocol} ${u16(bytes, at + 4)}`
  return {
    source,
    destination,
    protocol,
    payload: bytes.subarray(at + headerBytes, end),
    fragment: more || offset > 0 ? { key, offset, last: !more } : undefined,
  }
}

/** Hop-by-hop, routing, destination options, mobility, HIP, Shim6: all (next, length, ...). */
const IPV6_EXTENSIONS = new Set([0, 43, 60, 135, 139, 140])
const IPV6_FRAGMENT = 44
const IPV6_AUTHENTICATION = 51
/** Ours: extension headers followed. */
const IPV6_EXTENSIONS_MAX = 16

function readIpv6(bytes: Uint8Array, at: number): IpPacket | undefined {
  if (at + 40 > bytes.length) return undefined
  const length = u16(bytes, at + 4)
  const end = length === 0 ? bytes.length : Math.min(bytes.length, at + 40 + length)
  const source = formatIpv6(bytes, at + 8)
  const destination = formatIpv6(bytes, at + 24)
  let protocol = bytes[at + 6] ?? 0
  let next = at + 40
  let fragment: Fragment | undefined
  for (let i = 0; i < IPV6_EXTENSIONS_MAX && next + 8 <= end; i++) {
    if (protocol === IPV6_FRAGMENT) {
      const field = u16(bytes, next + 2)
      const offset = field & 0xfff8
      const last = (field & 1) === 0
      const key = `${source} ${destination} ${u32(bytes, next + 4)}`
      if (!last || offset > 0) fragment = { key, offset, last }
      protocol = bytes[next] ?? 0
      next += 8
      if (offset > 0) break
    } else if (IPV6_EXTENSIONS.has(protocol)) {
      protocol = bytes[next] ?? 0
      next += ((bytes[next + 1] ?? 0) + 1) * 8
    } else if (protocol === IPV6_AUTHENTICATION) {
      protocol = bytes[next] ?? 0
      next += ((bytes[next + 1] ?? 0) + 2) * 4
    } else break
  }
  if (next > end) return undefined
  return { source, destination, protocol, payload: bytes.subarray(next, end), fragment }
}

function formatIpv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at] ?? 0}.${bytes[at + 1] ?? 0}.${bytes[at + 2] ?? 0}.${bytes[at + 3] ?? 0}`
}

/** RFC 5952: lower case, no leading zeros, the longest run of zeros (two or more, the first) as `::`. */
export function formatIpv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => u16(bytes, at + i * 2))
  let start = -1
  let longest = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > longest) {
      longest = run
      start = i
    }
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  if (start < 0) return hex(groups)
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + longest))}`
}
