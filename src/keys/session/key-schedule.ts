/**
 * Which keys come out of an agreement (LSK/1 section 1.4): the labels, the transcript, the order. The same on both
 * sides.
 *
 * @module
 */
import { joinOctets } from '../../ground/octets.ts'

function text(value: string): Uint8Array {
  const bytes = new Uint8Array(value.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = value.charCodeAt(i)
  return bytes
}
const PREFIX = 'limen/lsk/1 '

export const EXPORT_CONTEXT: Uint8Array = text(`${PREFIX}exporter`)

// Made once: a handshake takes seven.
const LABELS = {
  init: text(`${PREFIX}init\0`),
  rotate: text(`${PREFIX}rotate\0`),
  transcript: text(`${PREFIX}th\0`),
  resp: text(`${PREFIX}resp\0`),
  req: text(`${PREFIX}req\0`),
  body: text(`${PREFIX}body\0`),
  pq: text(`${PREFIX}pq\0`),
  device: text(`${PREFIX}dev\0`),
  previous: text(`${PREFIX}rot\0`),
  chain: text(`${PREFIX}chain\0`),
  c2s: text(`${PREFIX}body c2s\0`),
  s2c: text(`${PREFIX}body s2c\0`),
} as const

/** HPKE's `info`: an init is good for one origin. @throws RangeError for an origin beyond 512 characters */
export function originInfo(origin: string, purpose: 'init' | 'rotate'): Uint8Array {
  if (origin.length > 512) throw new RangeError('Cannot bind an origin of more than 512 characters')
  const length = Uint8Array.of(origin.length >> 8, origin.length & 255)
  return joinOctets(LABELS[purpose], length, text(origin))
}

/** What is hashed to the transcript: the whole first message, and the header of the second. */
export function transcript(first: Uint8Array, secondHeader: Uint8Array): Uint8Array {
  return joinOctets(
    LABELS.transcript,
    u32Bytes(first.length),
    first,
    u32Bytes(secondHeader.length),
    secondHeader,
  )
}

/** HKDF's `info` for one key. */
export function keyInfo(
  label: 'resp' | 'req' | 'body' | 'pq',
  transcriptHash: Uint8Array,
): Uint8Array {
  return joinOctets(LABELS[label], transcriptHash)
}

/** What a device signs of an init or rotate: header and all TLVs but the signature, hashed by the caller. */
export function deviceSigned(hash: Uint8Array): Uint8Array {
  return joinOctets(LABELS.device, hash)
}

/** What the old request key authenticates of a rotate: header and shares, hashed by the caller. */
export function previousSigned(hash: Uint8Array): Uint8Array {
  return joinOctets(LABELS.previous, hash)
}

/** What the old key adds to the new one: whoever follows must have held it. */
export function chainSigned(transcriptHash: Uint8Array): Uint8Array {
  return joinOctets(LABELS.chain, transcriptHash)
}

/** HKDF's `info` (no salt, 32 bytes) from the body key to what bodies of one direction are sealed with. */
export function bodyInfo(direction: 'c2s' | 's2c'): Uint8Array {
  return LABELS[direction]
}

/** What the header of a sealed body names. */
export function bodyKeyId(sessionId: Uint8Array, generation: number): Uint8Array {
  return joinOctets(sessionId, u32Bytes(generation))
}

export function u32Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}
