/**
 * LSD1: a key on its way from the key server to an edge (LSK/1 section 1.9), sealed to that edge and signed by the key server's
 * identity. Bytes only; what seals and signs is `adapters/node/key-envelope.ts`.
 *
 *  0  4  "LSD1"                      24  32  HPKE's enc (DHKEM X25519)
 *  4  1  type                        56      sealed TLVs; AAD: the first 24 bytes
 *  5  1  1 (version)                -64      Ed25519 signature over all before it
 *  6  2  0 (flags)
 *  8  8  sequence number
 * 16  8  milliseconds since 1970
 *
 * The sequence number begins at the milliseconds of the key server's start times 65536, so that a restart never goes
 * back, and grows with each envelope: an edge takes none twice, and none that is older than the last.
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'

export const ENVELOPE_TYPE = { ticketKey: 1, assertionKey: 2 } as const
export type EnvelopeType = (typeof ENVELOPE_TYPE)[keyof typeof ENVELOPE_TYPE]

/** TLVs within, by type of the envelope. */
export const ENVELOPE_TLV = { stekId: 0x8001, key: 0x8002, kid: 0x8003 } as const

export const ENVELOPE_VERSION = 1
const MAGIC = [0x4c, 0x53, 0x44, 0x31]
const HEAD_BYTES = 24
const ENC_BYTES = 32
export const ENVELOPE_SIGNATURE_BYTES = 64
/** A PKCS #8 key and its name are far below. */
export const ENVELOPE_BYTES_MAX = 1024

export interface KeyEnvelope {
  readonly type: EnvelopeType
  readonly sequence: bigint
  /** Milliseconds since 1970, by the key server's clock. */
  readonly time: number
  /** What the sealed part is bound to. */
  readonly head: Uint8Array
  readonly enc: Uint8Array
  readonly sealed: Uint8Array
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Views of `bytes`; what is wrong, else. Never throws. */
export function readKeyEnvelope(
  bytes: Uint8Array,
):
  | { readonly kind: 'read'; readonly envelope: KeyEnvelope }
  | { readonly kind: 'refused'; readonly code: 'malformed' | 'version' } {
  const end = bytes.length - ENVELOPE_SIGNATURE_BYTES
  const tooShort = end < HEAD_BYTES + ENC_BYTES
  if (tooShort || bytes.length > ENVELOPE_BYTES_MAX) return { kind: 'refused', code: 'malformed' }
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return { kind: 'refused', code: 'malformed' }
  if (bytes[5] !== ENVELOPE_VERSION) return { kind: 'refused', code: 'version' }
  const type = bytes[4]
  const isKnown = type === ENVELOPE_TYPE.ticketKey || type === ENVELOPE_TYPE.assertionKey
  if (!isKnown || u16(bytes, 6) !== 0) return { kind: 'refused', code: 'malformed' }
  const envelope: KeyEnvelope = {
    type,
    sequence: (BigInt(u32(bytes, 8)) << 32n) | BigInt(u32(bytes, 12)),
    time: u32(bytes, 16) * 2 ** 32 + u32(bytes, 20),
    head: bytes.subarray(0, HEAD_BYTES),
    enc: bytes.subarray(HEAD_BYTES, HEAD_BYTES + ENC_BYTES),
    sealed: bytes.subarray(HEAD_BYTES + ENC_BYTES, end),
    signed: bytes.subarray(0, end),
    signature: bytes.subarray(end),
  }
  return { kind: 'read', envelope }
}

/** The head, before which nothing and after which `enc`, what is sealed and the signature come. */
export function writeKeyEnvelopeHead(
  type: EnvelopeType,
  sequence: bigint,
  time: number,
): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES)
  head.set([...MAGIC, type, ENVELOPE_VERSION, 0, 0])
  const view = new DataView(head.buffer)
  view.setBigUint64(8, sequence)
  view.setBigUint64(16, BigInt(time))
  return head
}

/** `info` of HPKE: an envelope for one edge is none for another. */
export function keyEnvelopeInfo(edge: string): Uint8Array {
  return Uint8Array.from(`limen/lsd/1 stek\0${edge}`, (char) => char.charCodeAt(0))
}
