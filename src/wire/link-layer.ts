/**
 * From a captured frame to the IP packet in it: Ethernet with VLAN tags, Linux cooked captures,
 * loopback, PPP, Wi-Fi, MPLS and PPPoE. Link types: https://www.tcpdump.org/linktypes.html
 *
 * @module
 */
import { u16 } from './big-endian.ts'

/** Where the IP packet begins in `bytes`, or undefined when there is none that we can reach. */
export function findIpPacket(linkType: number, bytes: Uint8Array): number | undefined {
  switch (linkType) {
    case 0: // NULL: address family in the byte order of the machine that captured
    case 108: // LOOP: the same in network byte order
      return ipAt(bytes, 4)
    case 1: // EN10MB
      return skipEtherType(bytes, 12)
    case 9: // PPP
    case 50: // PPP_SERIAL: with HDLC framing
      return skipPpp(bytes, bytes[0] === 0xff && bytes[1] === 0x03 ? 2 : 0)
    case 51: // PPP_ETHER
      return skipPpp(bytes, 6)
    case 12: // RAW, as some systems number it
    case 14:
    case 101: // RAW
    case 228: // IPV4
    case 229: // IPV6
      return ipAt(bytes, 0)
    case 104: // C_HDLC
      return skipEtherType(bytes, 2)
    case 105: // IEEE802_11
      return skipWifi(bytes, 0)
    case 113: // LINUX_SLL
      return skipEtherType(bytes, 14)
    case 127: // IEEE802_11_RADIOTAP: version, pad, length (little-endian)
      return skipWifi(bytes, (bytes[2] ?? 0) | ((bytes[3] ?? 0) << 8))
    case 276: // LINUX_SLL2: the protocol comes first, 18 bytes of other things follow
      return skipProtocol(bytes, u16(bytes, 0), 20)
    default:
      return undefined
  }
}

/** From inside a tunnel that carries Ethernet frames (VXLAN, GENEVE, GRE). */
export function findIpInEthernet(bytes: Uint8Array, at: number): number | undefined {
  return skipEtherType(bytes, at + 12)
}

/** From inside a tunnel that names what it carries by an EtherType (GRE, GENEVE). */
export function findIpByEtherType(
  bytes: Uint8Array,
  etherType: number,
  at: number,
): number | undefined {
  return etherType === 0x6558 ? findIpInEthernet(bytes, at) : skipProtocol(bytes, etherType, at)
}

/** Ours: tags and labels followed; QinQ has two. */
const TAGS_MAX = 8

function skipEtherType(bytes: Uint8Array, at: number): number | undefined {
  const type = u16(bytes, at)
  // Below 0x600 it is a length (IEEE 802.3), and LLC follows.
  if (type < 0x600) return skipLlc(bytes, at + 2)
  return skipProtocol(bytes, type, at + 2)
}

function skipProtocol(bytes: Uint8Array, etherType: number, start: number): number | undefined {
  let type = etherType
  let at = start
  for (let tags = 0; tags < TAGS_MAX; tags++) {
    switch (type) {
      case 0x0800:
      case 0x86dd:
        return ipAt(bytes, at)
      case 0x8100: // IEEE 802.1Q
      case 0x88a8: // IEEE 802.1ad
      case 0x9100:
        type = u16(bytes, at + 2)
        at += 4
        break
      case 0x8847: // MPLS, unicast and multicast
      case 0x8848:
        return skipMpls(bytes, at)
      case 0x8864: // PPPoE session: version, code, session, length
        return skipPpp(bytes, at + 6)
      default:
        return undefined
    }
  }
  return undefined
}

/** LLC with SNAP (RFC 1042): AA AA 03, organisation, EtherType. */
function skipLlc(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] !== 0xaa || bytes[at + 1] !== 0xaa) return undefined
  return skipProtocol(bytes, u16(bytes, at + 6), at + 8)
}

function skipMpls(bytes: Uint8Array, start: number): number | undefined {
  let at = start
  for (let labels = 0; labels < TAGS_MAX; labels++) {
    const bottom = ((bytes[at + 2] ?? 0) & 1) === 1
    at += 4
    // What is under the labels is not named: the IP version tells, or a pseudowire with Ethernet in it.
    if (bottom) return ipAt(bytes, at) ?? findIpInEthernet(bytes, at + (bytes[at] === 0 ? 4 : 0))
  }
  return undefined
}

/** RFC 1661: the protocol is one byte when that is odd, else two. */
function skipPpp(bytes: Uint8Array, at: number): number | undefined {
  const short = ((bytes[at] ?? 0) & 1) === 1
  const protocol = short ? bytes[at] : u16(bytes, at)
  return protocol === 0x21 || protocol === 0x57 ? ipAt(bytes, at + (short ? 1 : 2)) : undefined
}

/** IEEE 802.11 data frames that are not encrypted. */
function skipWifi(bytes: Uint8Array, at: number): number | undefined {
  const control = bytes[at] ?? 0
  const flags = bytes[at + 1] ?? 0
  const isData = (control & 0x0c) === 0x08
  if (!isData || (control & 0x40) !== 0 || (flags & 0x40) !== 0) return undefined
  const fourAddresses = (flags & 0x03) === 0x03
  const qos = (control & 0x80) !== 0
  const orderControl = qos && (flags & 0x80) !== 0
  return skipLlc(bytes, at + 24 + (fourAddresses ? 6 : 0) + (qos ? 2 : 0) + (orderControl ? 4 : 0))
}

function ipAt(bytes: Uint8Array, at: number): number | undefined {
  const version = (bytes[at] ?? 0) >> 4
  return version === 4 || version === 6 ? at : undefined
}
