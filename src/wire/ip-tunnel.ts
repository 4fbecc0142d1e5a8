/**
 * Tunnels that carry IP in IP or in UDP, unencrypted: IP in IP (RFC 2003, RFC 4213), GRE (RFC 2784,
 * with ERSPAN), VXLAN (RFC 7348), GENEVE (RFC 8926), GTP-U (3GPP TS 29.281), Teredo (RFC 4380).
 *
 * @module
 */
import { u16 } from './big-endian.ts'
import type { IpPacket } from './ip-packet.ts'
import { findIpByEtherType, findIpInEthernet } from './link-layer.ts'

/** Where in `packet.payload` an inner IP packet begins; undefined when it is not a tunnel we know. */
export function findInnerIp(packet: IpPacket): number | undefined {
  const { protocol, payload } = packet
  switch (protocol) {
    case 4: // IPv4 in IP
    case 41: // IPv6 in IP
      return 0
    case 47:
      return skipGre(payload)
    case 17:
      return skipUdpTunnel(payload)
    default:
      return undefined
  }
}

/** Flags for checksum, key and sequence number, each a word of its own. */
function skipGre(bytes: Uint8Array): number | undefined {
  const flags = bytes[0] ?? 0
  const type = u16(bytes, 2)
  const version = (bytes[1] ?? 0) & 7
  let at = 4
  if ((flags & 0xc0) !== 0) at += 4
  if ((flags & 0x20) !== 0) at += 4
  if ((flags & 0x10) !== 0) at += 4
  if (version === 1) {
    // PPTP (RFC 2637): acknowledgement, then PPP.
    if (((bytes[1] ?? 0) & 0x80) !== 0) at += 4
    if (bytes[at] === 0xff && bytes[at + 1] === 3) at += 2
    return u16(bytes, at) === 0x21 ? at + 2 : undefined
  }
  // ERSPAN: type II has 8 bytes (none, type I, when there is no sequence number), type III has 12.
  if (type === 0x88be) return findIpInEthernet(bytes, at + ((flags & 0x10) !== 0 ? 8 : 0))
  if (type === 0x22eb) {
    const platform = ((bytes[at + 11] ?? 0) & 1) === 1 ? 8 : 0
    return findIpInEthernet(bytes, at + 12 + platform)
  }
  return findIpByEtherType(bytes, type, at)
}

const UDP_HEADER_BYTES = 8

function skipUdpTunnel(bytes: Uint8Array): number | undefined {
  const from = u16(bytes, 0)
  const to = u16(bytes, 2)
  const at = UDP_HEADER_BYTES
  if (to === 4789 || to === 8472) {
    // VXLAN, and the port Linux had for it first: flags with the I bit.
    return bytes[at] === 8 ? findIpInEthernet(bytes, at + 8) : undefined
  }
  if (to === 6081) {
    const options = ((bytes[at] ?? 0) & 0x3f) * 4
    return findIpByEtherType(bytes, u16(bytes, at + 2), at + 8 + options)
  }
  if (to === 2152 || from === 2152) return skipGtp(bytes, at)
  // Teredo: the IPv6 packet follows at once, when there is no authentication.
  if (to === 3544 || from === 3544) return (bytes[at] ?? 0) >> 4 === 6 ? at : undefined
  return undefined
}

/** GTP-U version 1, G-PDU (255): flags, type, length, tunnel; then optional words. */
function skipGtp(bytes: Uint8Array, at: number): number | undefined {
  const flags = bytes[at] ?? 0
  if (flags >> 4 !== 3 || bytes[at + 1] !== 255) return undefined
  let next = at + 8
  if ((flags & 7) === 0) return next
  let extension = (flags & 4) !== 0 ? (bytes[next + 3] ?? 0) : 0
  next += 4
  for (let i = 0; i < 8 && extension !== 0; i++) {
    const words = bytes[next] ?? 0
    if (words === 0) return undefined
    extension = bytes[next + words * 4 - 1] ?? 0
    next += words * 4
  }
  return next
}
