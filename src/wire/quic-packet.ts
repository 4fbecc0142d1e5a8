/**
 * QUIC long headers of Initial packets and the frames in them (RFC 9000 sections 17.2.2 and 19;
 * version 2: RFC 9369). Only what a reader of ClientHellos needs. Decryption: `crypto/quic-initial.ts`.
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'

/** The unencrypted part of an Initial packet. Offsets are into the datagram. */
export interface InitialHeader {
  readonly version: number
  readonly destinationId: Uint8Array
  readonly start: number
  /** Where the (protected) packet number begins. */
  readonly packetNumberAt: number
  /** End of this packet: another may follow in the datagram. */
  readonly end: number
}

export type LongPacket =
  | ({ readonly kind: 'initial' } & InitialHeader)
  /** Another long-header packet of known length: to be passed over. */
  | { readonly kind: 'other'; readonly end: number }

/** A piece of the handshake stream. `bytes` is a view. */
export interface CryptoFrame {
  readonly offset: number
  readonly bytes: Uint8Array
}

const QUIC_V2 = 0x6b3343cf

/** RFC 9000 section 17.2: connection ids are at most 20 bytes. */
const CONNECTION_ID_BYTES_MAX = 20

/** Reads the long header at `start`. Undefined for short headers, Retry and whatever is not QUIC. */
export function readLongPacket(datagram: Uint8Array, start: number): LongPacket | undefined {
  const first = datagram[start] ?? 0
  // Header form and fixed bit.
  if ((first & 0xc0) !== 0xc0 || start + 7 > datagram.length) return undefined
  const version = u32(datagram, start + 1)
  const destinationLength = datagram[start + 5] ?? 0
  if (version === 0 || destinationLength > CONNECTION_ID_BYTES_MAX) return undefined
  const sourceAt = start + 6 + destinationLength
  const sourceLength = datagram[sourceAt] ?? 0
  if (sourceLength > CONNECTION_ID_BYTES_MAX) return undefined
  let at = sourceAt + 1 + sourceLength
  // Version 2 numbers the types one further: Initial is 1, Retry 0.
  const type = ((first >> 4) + (version === QUIC_V2 ? 3 : 0)) & 3
  if (type === 3) return undefined
  if (type === 0) {
    const token = readVarint(datagram, at)
    if (token === undefined) return undefined
    at = token.next + token.value
  }
  const length = readVarint(datagram, at)
  if (length === undefined || length.next + length.value > datagram.length) return undefined
  const end = length.next + length.value
  if (type !== 0) return { kind: 'other', end }
  return {
    kind: 'initial',
    version,
    destinationId: datagram.subarray(start + 6, sourceAt),
    start,
    packetNumberAt: length.next,
    end,
  }
}

/** The CRYPTO frames of an Initial's plaintext. Stops at the first frame that may not be there. */
export function readCryptoFrames(payload: Uint8Array): CryptoFrame[] {
  const frames: CryptoFrame[] = []
  let at = 0
  while (at < payload.length) {
    const type = payload[at++]
    if (type === 0x00 || type === 0x01) continue // PADDING, PING
    if (type === 0x06) {
      const offset = readVarint(payload, at)
      const length = offset === undefined ? undefined : readVarint(payload, offset.next)
      if (offset === undefined || length === undefined) break
      at = length.next + length.value
      if (at > payload.length) break
      frames.push({ offset: offset.value, bytes: payload.subarray(length.next, at) })
    } else if (type === 0x02 || type === 0x03) {
      const next = skipAck(payload, at, type === 0x03)
      if (next === undefined) break
      at = next
    } else break
  }
  return frames
}

/** Largest, delay, ranges, first range, then pairs; counts of marks with ECN. */
function skipAck(payload: Uint8Array, start: number, ecn: boolean): number | undefined {
  let at = start
  let numbers = 4
  for (let i = 0; i < numbers; i++) {
    const value = readVarint(payload, at)
    if (value === undefined) return undefined
    at = value.next
    if (i === 2) numbers += value.value * 2 + (ecn ? 3 : 0)
  }
  return at
}

/** RFC 9000 section 16. Values above 2^53 cannot be lengths here and are refused. */
function readVarint(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly next: number } | undefined {
  const first = bytes[at]
  if (first === undefined) return undefined
  const length = 1 << (first >> 6)
  if (at + length > bytes.length) return undefined
  if (length === 1) return { value: first & 0x3f, next: at + 1 }
  if (length === 2) return { value: u16(bytes, at) & 0x3fff, next: at + 2 }
  if (length === 4) return { value: u32(bytes, at) & 0x3fffffff, next: at + 4 }
  const high = u32(bytes, at) & 0x3fffffff
  if (high >= 1 << 21) return undefined
  return { value: high * 2 ** 32 + u32(bytes, at + 4), next: at + 8 }
}
