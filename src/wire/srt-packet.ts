/**
 * SRT packets (draft-sharabayko-srt-01, section 3): what a header says in clear. Payloads are encrypted and stay what they are; what a
 * handshake says is `srt-handshake.ts`, a key message `srt-key-material.ts`.
 *
 *      data                                              control
 *  0   0 | sequence number (31 bits)                     1 | type (15) | subtype (16)
 *  4   position 2 | order 1 | key 2 | again 1 | message 26   type-specific
 *  8   microseconds since the connection began           the same
 * 12   socket of whom it is for                          the same
 * 16   payload                                           control information
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'

export type SrtPacket = SrtDataPacket | SrtControlPacket

export interface SrtDataPacket {
  readonly kind: 'data'
  /** 31 bits. */
  readonly sequence: number
  /** Of the packet in its message: 3 alone, 2 first, 0 in the middle, 1 last. */
  readonly position: number
  readonly inOrder: boolean
  /** 0: in clear, 1: even key, 2: odd key. */
  readonly keyBits: number
  readonly isRetransmitted: boolean
  /** 26 bits; 0: of a packet filter. */
  readonly message: number
  /** Microseconds, 32 bits. */
  readonly timestamp: number
  /** Socket id of whom it is for. */
  readonly target: number
  /** Of the payload. */
  readonly bytes: number
}

export interface SrtControlPacket {
  readonly kind: 'control'
  readonly type: SrtControlType
  /** Of `user`: a type of extension ({@link SRT_EXTENSION}); else 0. */
  readonly subtype: number
  /** Of an ACK and ACKACK its number, of a drop request the message. */
  readonly info: number
  readonly timestamp: number
  /** 0: nobody yet. */
  readonly target: number
  /** A view of what was read. */
  readonly body: Uint8Array
}

export type SrtControlType = keyof typeof CONTROL

export type SrtPacketRead =
  | { readonly kind: 'read'; readonly packet: SrtPacket }
  | { readonly kind: 'malformed'; readonly field: string }

/** Types of extensions, in handshakes and as subtypes of `user` (draft, table 5). */
export const SRT_EXTENSION = {
  hsReq: 1,
  hsRsp: 2,
  kmReq: 3,
  kmRsp: 4,
  streamId: 5,
  congestion: 6,
  filter: 7,
  group: 8,
} as const

/** Type, and how long the control information is: the draft says none where libsrt sends four octets of padding. */
const CONTROL = {
  handshake: { type: 0, least: 48, most: 1456 },
  keepalive: { type: 1, least: 0, most: 4 },
  ack: { type: 2, least: 4, most: 28 },
  nak: { type: 3, least: 4, most: 1456 },
  congestion: { type: 4, least: 0, most: 4 },
  shutdown: { type: 5, least: 0, most: 4 },
  ackAck: { type: 6, least: 0, most: 4 },
  dropRequest: { type: 7, least: 8, most: 8 },
  peerError: { type: 8, least: 0, most: 4 },
  user: { type: 0x7fff, least: 4, most: 1456 },
} as const

export const SRT_HEADER_BYTES = 16
/** An MTU of 1500 (draft, section 3.2.1) less IPv4 and UDP. */
export const SRT_PACKET_BYTES_MAX = 1472
const NAMES: ReadonlyMap<number, SrtControlType> = new Map(
  Object.entries(CONTROL).map(([name, { type }]) => [type, name as SrtControlType]),
)
const BOTH_KEYS = 3

/** Views of `bytes`. Never throws. */
export function readSrtPacket(bytes: Uint8Array): SrtPacketRead {
  if (bytes.length < SRT_HEADER_BYTES || bytes.length > SRT_PACKET_BYTES_MAX) {
    return malformed('size')
  }
  const isControl = (bytes[0] ?? 0) >= 128
  return isControl ? readControl(bytes) : readData(bytes)
}

function readData(bytes: Uint8Array): SrtPacketRead {
  const second = u32(bytes, 4)
  const keyBits = (second >>> 27) & 3
  // Both keys are said of key messages only.
  if (keyBits === BOTH_KEYS) return malformed('keyBits')
  if (bytes.length === SRT_HEADER_BYTES) return malformed('payload')
  const packet: SrtDataPacket = {
    ...{ kind: 'data', sequence: u32(bytes, 0), position: second >>> 30, keyBits },
    ...{ inOrder: (second & 0x2000_0000) !== 0, isRetransmitted: (second & 0x0400_0000) !== 0 },
    ...{ message: second & 0x03ff_ffff, timestamp: u32(bytes, 8), target: u32(bytes, 12) },
    bytes: bytes.length - SRT_HEADER_BYTES,
  }
  return { kind: 'read', packet }
}

function readControl(bytes: Uint8Array): SrtPacketRead {
  const type = NAMES.get(u16(bytes, 0) & 0x7fff)
  if (type === undefined) return malformed('type')
  const subtype = u16(bytes, 2)
  const isExtension = subtype >= SRT_EXTENSION.hsReq && subtype <= SRT_EXTENSION.group
  if (type === 'user' ? !isExtension : subtype !== 0) return malformed('subtype')
  const body = bytes.subarray(SRT_HEADER_BYTES)
  const { least, most } = CONTROL[type]
  if (body.length < least || body.length > most || body.length % 4 !== 0) return malformed('body')
  const packet: SrtControlPacket = {
    ...{ kind: 'control', type, subtype, info: u32(bytes, 4) },
    ...{ timestamp: u32(bytes, 8), target: u32(bytes, 12), body },
  }
  return { kind: 'read', packet }
}

/** Ends a connection, at the end that has this socket. */
export function writeSrtShutdown(target: number): Uint8Array {
  const bytes = new Uint8Array(SRT_HEADER_BYTES + 4)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0x8000 | CONTROL.shutdown.type)
  view.setUint32(12, target)
  return bytes
}

function malformed(field: string): SrtPacketRead {
  return { kind: 'malformed', field }
}
