/**
 * What an operator says of a device's stream, from the key service to its transports: that a rotation was a false alarm, or that somebody
 * had come in. Signed, since it moves a limit.
 *
 * | offset | bytes | |
 * |---|---|---|
 * | 0 | 4 | `LSL1` |
 * | 4 | 1 | 1: false alarm, 2: intrusion |
 * | 5 | 8 | ms since 1970 |
 * | 13 | 1 to 64 | device |
 * | -64 | 64 | Ed25519 over all before it, by the key service's identity |
 *
 * @module
 */
import { joinOctets, octetsOf } from '../ground/octets.ts'
import { isMediaParty } from './media-key-message.ts'

export interface StreamLabel {
  readonly device: string
  readonly isIntrusion: boolean
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface SignedStreamLabel {
  readonly label: StreamLabel
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

const MAGIC = octetsOf('LSL1')
const FALSE_ALARM = 1
const INTRUSION = 2
const HEAD_BYTES = 13
const SIGNATURE_BYTES = 64
const NAME_BYTES_MAX = 64

/** @param sign Ed25519, 64 octets @throws RangeError for a name that is none */
export function writeStreamLabel(
  { device, isIntrusion, at }: StreamLabel,
  sign: (data: Uint8Array) => Uint8Array,
): Uint8Array {
  if (!isMediaParty(device)) throw new RangeError('Cannot write a label of that device')
  const head = new Uint8Array(HEAD_BYTES)
  head.set(MAGIC)
  head[4] = isIntrusion ? INTRUSION : FALSE_ALARM
  new DataView(head.buffer).setBigUint64(5, BigInt(at))
  const signed = joinOctets(head, octetsOf(device))
  return joinOctets(signed, sign(signed))
}

/** undefined for what {@link writeStreamLabel} does not write; the signature is to be checked. Never throws. */
export function readStreamLabel(bytes: Uint8Array): SignedStreamLabel | undefined {
  const nameBytes = bytes.length - HEAD_BYTES - SIGNATURE_BYTES
  if (nameBytes < 1 || nameBytes > NAME_BYTES_MAX) return undefined
  if (MAGIC.some((octet, i) => bytes[i] !== octet)) return undefined
  const kind = bytes[4]
  const at = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(5))
  const device = String.fromCharCode(...bytes.subarray(HEAD_BYTES, HEAD_BYTES + nameBytes))
  const isKnown = kind === FALSE_ALARM || kind === INTRUSION
  if (!isKnown || !Number.isSafeInteger(at) || !isMediaParty(device)) return undefined
  return {
    label: { device, isIntrusion: kind === INTRUSION, at },
    signed: bytes.subarray(0, -SIGNATURE_BYTES),
    signature: bytes.subarray(-SIGNATURE_BYTES),
  }
}
